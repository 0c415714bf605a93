"""What ends leaves nothing behind: no process, thread or temporary file; and it ends in time."""

import os
import re
import signal
import unittest

from platform_under_test import Platform, is_alive, processes_in, read, threads_of, wait_until

# Each ignores what it can; the task ends only by SIGKILL. One left the session and the parent.
STUBBORN = """
trap '' TERM HUP INT
setsid sh -c 'trap "" TERM HUP; echo $$ >> {pids}; sleep 1001' &
(setsid sh -c 'trap "" TERM HUP; echo $$ >> {pids}; sleep 1002' &) &
sh -c 'trap "" TERM; echo $$ >> {pids}; sleep 1003' &
echo $$ >> {pids}
sleep 1004
"""
STUBBORN_PROCESSES = 4

# Files that a stopped platform keeps, beside blobs and a worker's copies of them.
KEPT_FILES = {
    ".gitignore", "addresses.json", "credentials.json", "keys.json", "lock", "version",
    "store/0/data.mdb", "store/0/lock.mdb", "store/0/reserve", "store/handling",
    "workers/1/credentials.json", "workers/1/lock", "workers/1/worker.log",
}


BLOB = re.compile(r"blobs/sha256/[0-9a-f]{2}/[0-9a-f]{62}|workers/1/downloads/[0-9a-f]{64}")


def files_in(folder):
    """Paths below a folder, without those of blobs."""
    found = set()
    for place, _, names in os.walk(folder):
        found.update(os.path.relpath(os.path.join(place, name), folder) for name in names)
    return {name for name in found if not BLOB.fullmatch(name)}


class Leftovers(unittest.TestCase):
    def stubborn_task(self, platform):
        """Starts a task of processes that ignore signals; answers its id and theirs."""
        path = os.path.join(platform.dir, "pids")
        task = platform.submit('if [ "$RUN_ID" != 0 ]; then exit 0; fi\n' +
                               STUBBORN.format(pids=path))
        wait_until(lambda: len(read(path).split()) == STUBBORN_PROCESSES, "the task to start")
        return task, [int(pid) for pid in read(path).split()]

    def test_tasks_leave_nothing_in_a_running_platform(self):
        with Platform(workers=1) as platform:
            def run_task():
                platform.run("submit", "--artifact", "out", "--", "sh", "-c",
                             "echo $TASK_ID > out; sleep 1005 & echo left a child")

            run_task()
            ours = platform.server.pid, platform.worker_pid(1)
            threads = [threads_of(pid) for pid in ours]
            for _ in range(5):
                run_task()
            wait_until(lambda: set(processes_in(platform.dir)) == set(ours),
                       "the tasks' processes to be gone")
            wait_until(lambda: [threads_of(pid) for pid in ours] == threads,
                       "as many threads as before")
            work = os.path.join(platform.data, "workers", "1")
            for name in ("tasks", "logs", "guards"):
                wait_until(lambda: not files_in(os.path.join(work, name)), name + " to be empty")

    def test_sigterm_leaves_the_data_alone(self):
        platform = Platform(workers=1)
        temporary = os.path.join(platform.dir, "tmp")
        os.mkdir(temporary)
        platform.environment["TMPDIR"] = temporary
        with platform:
            path = platform.group_file(
                "tasks:\n"
                "  one: {run: echo x | tee out, artifacts: [out]}\n"
                "  two: {run: cat in, inputs: [{from: one, artifact: out, file: in}]}\n"
                "  three: {run: exit 1}\n")
            self.assertEqual(platform.client("run", path).wait(), 1)
            platform.submit("sleep 1006")
            self.assertEqual(platform.stop(), 0)
            self.assertEqual(processes_in(platform.dir), {})
            self.assertEqual(files_in(temporary), set())
            self.assertEqual(files_in(platform.data), KEPT_FILES)

    def test_sigterm_ends_in_time_whatever_a_task_ignores(self):
        with Platform(workers=1) as platform:
            task, pids = self.stubborn_task(platform)
            self.assertEqual(platform.stop(), 0, platform.log())
            self.assertEqual(processes_in(platform.dir), {})
            self.assertEqual([pid for pid in pids if is_alive(pid)], [])
            platform.start()
            platform.wait_for_task(task)
            runs = platform.status(task)["runs"]
            self.assertEqual([run["reasonResolved"] for run in runs],
                             ["worker-shutdown", "completed"])

    def test_down_ends_in_time_too(self):
        with Platform(workers=1) as platform:
            _, pids = self.stubborn_task(platform)
            platform.run("down")
            self.assertEqual(platform.server.wait(120), 0, platform.log())
            self.assertEqual([pid for pid in pids if is_alive(pid)], [])

    def test_a_killed_worker_s_task_is_gone_to_its_last_process(self):
        with Platform(workers=0) as platform:
            worker = platform.worker(platform.worker_token())
            _, pids = self.stubborn_task(platform)
            worker.process.kill()
            worker.wait()
            wait_until(lambda: not any(map(is_alive, pids)), "the task's processes to be gone")
            # The guard goes too: nothing but the server is left.
            wait_until(lambda: set(processes_in(platform.dir)) == {platform.server.pid},
                       "all but the server to be gone")

    def test_a_stopped_worker_s_task_is_gone_to_its_last_process(self):
        with Platform(workers=0) as platform:
            worker = platform.worker(platform.worker_token())
            task, pids = self.stubborn_task(platform)
            worker.process.send_signal(signal.SIGTERM)
            self.assertEqual(worker.wait(20), 0, worker.stderr())
            self.assertEqual([pid for pid in pids if is_alive(pid)], [])
            self.assertEqual(platform.status(task)["runs"][0]["reasonResolved"],
                             "worker-shutdown")


if __name__ == "__main__":
    unittest.main(verbosity=2)
