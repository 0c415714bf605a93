"""kill -9 of the server and of workers in the middle of a graph: nothing is lost or done twice."""

import json
import os
import signal
import unittest

from platform_under_test import Platform, is_alive, read, task_lines, wait_until

GRAPH = """
tasks:
  slow:
    matrix: {part: [1, 2]}
    run: |
      for i in $(seq 1 80); do echo "slow $part line $i"; sleep 0.05; done
      echo "result $part" > out
    artifacts: [out]
  join:
    needs: [slow]
    inputs: [{from: slow, artifact: out, file: out}]
    run: cat */out
"""


def submit_hanging(platform):
    """A task whose run 0 hangs, once that has begun; answers its id and the file to which each run
    adds its process id."""
    marker = os.path.join(platform.dir, "pids")
    task = platform.submit('echo $$ >> %s; if [ "$RUN_ID" = 0 ]; then sleep 600; fi' % marker)
    wait_until(lambda: read(marker), "run 0 to start")
    return task, marker


class ServerKilled(unittest.TestCase):
    def test_graph_and_clients_go_on(self):
        with Platform(workers=2) as platform:
            path = platform.group_file(GRAPH)
            run = platform.client("run", path)
            wait_until(lambda: len([t for t in platform.tasks()
                                    if t["status"]["state"] == "running"]) == 2,
                       "both slow tasks to run")
            names = {t["task"]["metadata"]["name"]: t["status"]["taskId"]
                     for t in platform.tasks()}
            group = platform.tasks()[0]["status"]["taskGroupId"]
            log = platform.client("task", "log", "-f", names["slow-1"])
            watch = platform.client("group", "watch", "--exit-status", group)
            submit = platform.client("submit", "--", "echo", "from submit")
            wait_until(lambda: "line 20" in log.stdout(), "the log to reach line 20")
            # A client that has not connected yet finds no platform, and ends: their first words
            # tell that they have.
            for client in (watch, submit):
                wait_until(lambda: client.stdout() or client.stderr(), "a client to have connected")

            platform.kill()
            platform.start()

            self.assertEqual(run.wait(), 0, run.stderr())
            self.assertEqual(log.wait(), 0, log.stderr())
            self.assertEqual(watch.wait(), 0, watch.stderr())
            self.assertEqual(submit.wait(), 0, submit.stderr())
            self.assertIn("from submit", submit.stdout())
            for name, task in names.items():
                status = platform.status(task)
                self.assertEqual(status["state"], "completed", name)
                self.assertEqual(len(status["runs"]), 1, name + " was restarted needlessly")
            expected = ["slow 1 line %d" % i for i in range(1, 81)]
            self.assertEqual(task_lines(log.stdout(), "slow 1"), expected)
            whole = platform.run("task", "log", names["slow-1"])
            self.assertEqual(task_lines(whole, "slow 1"), expected)
            self.assertEqual(whole, log.stdout())
            joined = platform.run("task", "log", names["join"])
            self.assertEqual(sorted(task_lines(joined, "result")), ["result 1", "result 2"])

    def test_many_kills_lose_nothing_acknowledged(self):
        with Platform(workers=2) as platform:
            acknowledged = []
            for round_number in range(5):
                for i in range(4):
                    acknowledged.append(platform.submit("echo task %d.%d" % (round_number, i)))
                platform.kill()
                platform.start()
            for task in acknowledged:
                wait_until(lambda: platform.status(task)["state"] == "completed",
                           "task %s to complete" % task)
                self.assertLessEqual(len(platform.status(task)["runs"]), 1)
            events = [json.loads(line) for line in platform.run("events", "--json").splitlines()]
            for kind in ("task-defined", "task-pending", "task-running", "task-completed"):
                seen = [e["payload"]["status"]["taskId"] for e in events
                        if e["exchange"].endswith("/" + kind)]
                self.assertEqual(sorted(seen), sorted(acknowledged), kind)


class LogsKept(unittest.TestCase):
    def test_the_log_of_a_cancelled_run_becomes_an_artifact(self):
        with Platform(workers=1) as platform:
            task = platform.submit("echo printed before; sleep 600")
            wait_until(lambda: task_lines(
                platform.run("task", "log", task, check=False).stdout, "printed"), "the first line")
            platform.run("task", "cancel", task)
            wait_until(lambda: "public/logs/live_backing.log" in
                       platform.run("task", "artifacts", task), "the log among the artifacts")
            self.assertEqual(task_lines(platform.run("task", "log", task), "printed"),
                             ["printed before"])
            wait_until(lambda: not os.listdir(os.path.join(platform.data, "logs")),
                       "the stream to go")

    def test_a_restart_keeps_what_a_crash_left_over(self):
        with Platform(workers=1) as platform:
            task = platform.submit("echo printed")
            wait_until(lambda: platform.status(task)["state"] == "completed", "the task")
            wait_until(lambda: not os.listdir(os.path.join(platform.data, "logs")),
                       "the stream to go")
            platform.kill()
            # As after a kill between the resolution and the stream's removal, and a stray one.
            for name in (task, "A" * 22):
                folder = os.path.join(platform.data, "logs", name)
                os.mkdir(folder)
                with open(os.path.join(folder, "0"), "w") as stream:
                    stream.write("left over")
            platform.start()
            wait_until(lambda: not os.listdir(os.path.join(platform.data, "logs")),
                       "the left-over streams to go")
            self.assertIn("printed", platform.run("task", "log", task))


class WorkerKilled(unittest.TestCase):
    def test_task_is_retried_elsewhere_after_the_lease(self):
        with Platform(workers=0, TROUPE_WORKER_LEASE="2s") as platform:
            token = os.path.join(platform.dir, "token.json")
            platform.run("worker", "token", "create", "--pool", "local/default", "--output", token)
            rpc = platform.ready["rpc"].split(",")[0]
            workers = [platform.client("worker", "--join", rpc, "--pool", "local/default",
                                       "--credentials", token, "--worker-id", "w%d" % i,
                                       "--work-dir", os.path.join(platform.dir, "w%d" % i))
                       for i in range(2)]
            task, marker = submit_hanging(platform)
            first = platform.status(task)["runs"][0]
            workers[int(first["workerId"][1:])].process.kill()
            wait_until(lambda: platform.status(task)["state"] == "completed", "run 1 to complete")
            runs = platform.status(task)["runs"]
            self.assertEqual(runs[0]["reasonResolved"], "worker-shutdown")
            self.assertEqual(runs[1]["reasonCreated"], "retry")
            self.assertNotEqual(runs[0]["workerId"], runs[1]["workerId"])
            log = os.path.join(platform.dir, "server.log")
            lost, = wait_until(lambda: [
                json.loads(line) for line in read(log).splitlines(keepends=True)
                if "task_resolved_by_worker_removed" in line and line.endswith("\n")], "its line")
            self.assertEqual((lost["level"], lost["task_id"], lost["run_id"],
                              lost["worker_pool_id"], lost["worker_id"]),
                             ("info", task, "0", "local/default", runs[0]["workerId"]))
            orphan = int(read(marker).split()[0])
            wait_until(lambda: not is_alive(orphan), "the killed worker's task to be gone")
            for worker in workers:
                worker.process.terminate()

    def test_local_worker_is_started_again_and_the_task_retried(self):
        with Platform(workers=1) as platform:
            task, _ = submit_hanging(platform)
            os.kill(platform.worker_pid(1), signal.SIGKILL)
            wait_until(lambda: platform.status(task)["state"] == "completed", "run 1 to complete")
            self.assertEqual(platform.status(task)["runs"][0]["reasonResolved"],
                             "worker-shutdown")


class Stopped(unittest.TestCase):
    def test_sigterm_with_connected_peers_is_a_clean_stop(self):
        with Platform(workers=1) as platform:
            task = platform.submit("echo begun; sleep 600")
            log = platform.client("task", "log", "-f", task)
            wait_until(lambda: "begun" in log.stdout(), "the log to be followed")
            self.assertEqual(platform.stop(), 0)
            self.assertFalse(os.path.exists(os.path.join(platform.data, "rpc.sock")))

    def test_a_revoked_worker_is_out_at_once(self):
        with Platform(workers=0) as platform:
            token = os.path.join(platform.dir, "token.json")
            platform.run("worker", "token", "create", "--pool", "local/default", "--output", token)
            worker = platform.client("worker", "--join", platform.ready["rpc"].split(",")[0],
                                     "--pool", "local/default", "--credentials", token,
                                     "--work-dir", os.path.join(platform.dir, "w"))
            platform.run("submit", "--", "true")
            with open(token) as f:
                client_id = json.load(f)["clientId"]
            platform.run("worker", "token", "revoke", client_id)
            task = platform.submit("true")
            self.assertEqual(worker.wait(), 3, worker.stderr())
            self.assertEqual(platform.status(task)["state"], "pending")

    def test_sigterm_leaves_nothing_behind_and_the_task_is_retried(self):
        with Platform(workers=2) as platform:
            task, marker = submit_hanging(platform)
            workers = [platform.worker_pid(i) for i in (1, 2)]
            self.assertEqual(platform.stop(), 0)
            for pid in [*workers, int(read(marker).split()[0])]:
                self.assertFalse(is_alive(pid), "process %d was left behind" % pid)
            platform.start()
            wait_until(lambda: platform.status(task)["state"] == "completed", "the retry")
            self.assertEqual(platform.status(task)["runs"][0]["reasonResolved"],
                             "worker-shutdown")

    def test_a_root_token_that_is_gone_is_made_anew_and_that_is_logged(self):
        with Platform(workers=0) as platform:
            self.assertNotIn("root_token_made", platform.log())
            self.assertEqual(platform.stop(), 0)
            os.remove(os.path.join(platform.data, "credentials.json"))
            platform.start()
            self.assertIn("root_token_made", platform.log())
            self.assertEqual(platform.tasks(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
