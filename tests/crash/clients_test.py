"""What people meet: examples that parse, waiting that is explained, workers that are refused, and
several who look at the same."""

import json
import os
import subprocess
import unittest

from platform_under_test import SharedPlatform, read, wait_until

EXAMPLES = os.path.join(os.path.dirname(__file__), "..", "..", "examples")

NOBODY = "tasks: {render: {run: echo hi, queue: local/gpu}, after: {run: echo b, needs: [render]}}"
NOBODY_SERVES = "render: no worker serves local/gpu (queues with workers: local/default); start one"


class Clients(SharedPlatform):
    def background(self, *args):
        """A command that the test ends, if it has not ended by itself."""
        client = self.platform.client(*args)
        self.addCleanup(client.process.wait)
        self.addCleanup(client.process.kill)
        return client

    def wait_for_words(self, client, words, read_output=None):
        output = read_output or client.stderr
        wait_until(lambda: words in output(), "%r in %r" % (words, client.process.args))


class Lists(Clients):
    def test_what_only_brings_files_along_is_left_out(self):
        folder = os.path.join(self.platform.dir, "uploads")
        os.makedirs(folder)
        subprocess.run(["git", "init", "--quiet", folder], check=True)
        with open(os.path.join(folder, "troupe.yml"), "w") as f:
            f.write("{upload: ., tasks: {uses: {run: cat troupe.yml}}}")
        self.platform.run("run", folder)
        self.assertNotIn("troupe/upload", self.platform.run("worker", "list"))
        self.assertNotIn("troupe/upload", self.platform.run("queue", "list"))
        self.assertIn("troupe/upload",
                      self.platform.run("worker", "list", "--queue", "troupe/upload"))
        groups = json.loads(self.platform.run("group", "list", "--limit", "1", "--json"))["groups"]
        self.assertEqual(groups[0]["name"], "uses")


class WorkerLog(Clients):
    def test_it_is_json_where_no_terminal_reads_it(self):
        log = os.path.join(self.platform.data, "workers/1/worker.log")
        first = wait_until(lambda: read(log).split("\n")[:-1], "the worker's first words")[0]
        self.assertEqual(json.loads(first)["event"], "worker_started")


class Examples(Clients):
    def test_every_example_parses(self):
        names = sorted(name for name in os.listdir(EXAMPLES)  # beside what Python keeps there
                       if os.path.isdir(os.path.join(EXAMPLES, name)) and name != "__pycache__")
        self.assertIn("hello", names)
        for name in names:
            with self.subTest(example=name):
                path = os.path.join(EXAMPLES, name)
                table = self.platform.run("run", "--dry-run", path)
                tasks = json.loads(self.platform.run("--json", "run", "--dry-run", path))
                self.assertGreater(len(table.splitlines()), 1)
                self.assertTrue(tasks)
        self.assertEqual(self.platform.tasks(), [], "a dry run made tasks")


class Waiting(Clients):
    def blocked_group(self):
        """The group of a file whose first task waits for a worker, and the `run` of it."""
        run = self.background("run", self.platform.group_file(NOBODY))
        wait_until(lambda: run.stdout().startswith("group "), "the group to be created")
        return run, run.stdout().split()[1].rstrip(":")

    def busy(self):
        """A task that occupies the worker until the test ends."""
        task = self.platform.submit("echo begun; sleep 600")
        self.addCleanup(self.platform.run, "task", "cancel", task)
        wait_until(lambda: self.platform.status(task)["state"] == "running", "the worker's task")

    def test_run_says_why_a_task_waits(self):
        run, _ = self.blocked_group()
        self.wait_for_words(run, NOBODY_SERVES)

    def test_watch_says_why_a_task_waits_to_each_who_looks(self):
        _, group = self.blocked_group()
        watchers = [self.background("group", "watch", group) for _ in range(2)]
        for watch in watchers:
            self.wait_for_words(watch, NOBODY_SERVES)

    def test_run_and_submit_say_that_workers_are_busy(self):
        self.busy()
        submit = self.background("submit", "--", "true")
        self.wait_for_words(submit, "0 ahead, 1 worker busy")
        run = self.background("run", self.platform.group_file("tasks: {late: {run: echo hi}}"))
        self.wait_for_words(run, "late: 1 ahead, 1 worker busy")

    def test_run_names_what_a_failure_blocks(self):
        run = self.platform.client("run", self.platform.group_file(
            "tasks: {broken: {run: exit 7}, after: {run: echo hi, needs: [broken]}}"))
        self.assertEqual(run.wait(), 1)
        self.assertIn("after: blocked by broken (failed)", run.stdout())

    def test_a_group_is_watched_by_two_to_its_end(self):
        path = os.path.join(self.platform.dir, "go")
        os.mkfifo(path)
        run = self.platform.client("run", self.platform.group_file(
            "tasks: {first: {run: 'read x < %s'}, second: {run: echo hi, needs: [first]}}" % path))
        wait_until(lambda: run.stdout().startswith("group "), "the group to be created")
        group = run.stdout().split()[1].rstrip(":")
        watchers = [self.platform.client("group", "watch", "--exit-status", group)
                    for _ in range(2)]
        for watch in watchers:
            self.wait_for_words(watch, "[0/2]", watch.stdout)
        with open(path, "w") as f:
            f.write("go\n")
        for watch in [run, *watchers]:
            self.assertEqual(watch.wait(), 0, watch.stderr())
            self.assertIn("[2/2] second: completed", watch.stdout())

    def test_events_are_followed_by_two(self):
        followers = [self.background("--json", "events", "-f") for _ in range(2)]
        task = self.platform.run("submit", "--detach", "--", "true").split()[-1]
        self.platform.wait_for_task(task)

        def kinds(follower):
            lines = [json.loads(line) for line in follower.stdout().splitlines(keepends=True)
                     if line.endswith("\n")]
            return [line["exchange"].rsplit("/", 1)[1] for line in lines
                    if line["payload"].get("status", {}).get("taskId") == task]

        expected = ["task-defined", "task-pending", "task-running", "task-completed"]
        for follower in followers:
            wait_until(lambda: "task-completed" in kinds(follower), "the task's last event")
            self.assertEqual([k for k in kinds(follower) if k in expected], expected)


class RefusedWorkers(Clients):
    def refused(self, status, token, words, **options):
        worker = self.platform.worker(token, **options)
        self.assertEqual(worker.wait(), status, worker.stderr())
        self.assertIn(words, worker.stderr())
        if status == 3:
            self.assertIn("give `troupe worker token create --pool local/default --output FILE`",
                          worker.stderr())

    def changed(self, token, **fields):
        with open(token) as f:
            credentials = json.load(f)
        path = token + ".changed"
        with open(path, "w") as f:
            json.dump({**credentials, **fields}, f)
        return path

    def test_wrong_token(self):
        token = self.changed(self.platform.worker_token(), accessToken="x" * 44)
        self.refused(3, token, "its access token is wrong")

    def test_unknown_client(self):
        token = self.changed(self.platform.worker_token(), clientId="troupe/worker/nobody")
        self.refused(3, token, "refuses client troupe/worker/nobody")

    def test_another_pool(self):
        token = self.platform.worker_token(pool="local/other")
        self.refused(3, token, "this token is for local/other, not for local/default")

    def test_revoked(self):
        token = self.platform.worker_token()
        self.platform.run("worker", "token", "revoke", json.loads(read(token))["clientId"])
        self.refused(3, token, "is unknown, disabled, expired")

    def test_expired(self):
        token = self.platform.worker_token("--expires", "1s")
        client = json.loads(read(token))["clientId"]
        wait_until(lambda: any(client in line and " expired " in line for line in
                               self.platform.run("worker", "token", "list").splitlines()),
                   "the token to expire")
        self.refused(3, token, "is unknown, disabled, expired")

    def test_pool_that_cannot_be(self):
        self.refused(2, self.platform.worker_token(),
                     '--pool: "local" is not a task queue such as local/default', pool="local")

    def test_no_credentials(self):
        missing = os.path.join(self.platform.dir, "missing.json")
        self.refused(2, missing, missing + ": No such file or directory")
        with open(os.path.join(self.platform.dir, "odd.json"), "w") as f:
            f.write("{}")
        self.refused(2, f.name, f.name + ": `rpc` is missing")


if __name__ == "__main__":
    unittest.main(verbosity=2)
