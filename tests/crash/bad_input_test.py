"""People who do wrong get an error that says what, where and what to do; nothing changes."""

import json
import os
import shutil
import subprocess
import unittest

from platform_under_test import BINARY, SharedPlatform, wait_until


class BadInput(SharedPlatform):
    def refused(self, status, *args):
        done = self.platform.run(*args, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr

    def still_serves(self):
        self.assertEqual(self.platform.run("submit", "--", "true", check=False).returncode, 0)

    def test_wrong_token(self):
        copy = os.path.join(self.platform.dir, "copy")
        os.makedirs(copy, exist_ok=True)
        with open(os.path.join(self.platform.data, "credentials.json")) as f:
            credentials = json.load(f)
        credentials["accessToken"] = "x" * 44
        with open(os.path.join(copy, "credentials.json"), "w") as f:
            json.dump(credentials, f)
        done = subprocess.run([BINARY, "task", "list", "--data", copy], capture_output=True,
                              text=True, env=self.platform.environment)
        self.assertEqual(done.returncode, 3)
        self.assertIn("access token", done.stderr)

    def test_worker_token_is_good_for_its_pool_alone(self):
        token = os.path.join(self.platform.dir, "t.json")
        self.platform.run("worker", "token", "create", "--pool", "local/other", "--output", token)
        rpc = self.platform.ready["rpc"].split(",")[0]
        error = self.refused(3, "worker", "--join", rpc, "--pool", "local/default",
                             "--credentials", token, "--work-dir",
                             os.path.join(self.platform.dir, "ww"))
        self.assertIn("this token is for local/other, not for local/default; for a new", error)
        self.assertNotIn("scopes", error)

    def test_group_files(self):
        cases = {
            "tasks: {a: {run: x, needs: [b]}, b: {run: x, needs: [a]}}": "a",
            "tasks: {a: {run: x, needs: [nobody]}}": "nobody",
            "tasks: {a: {run: x, artefacts: [y]}}": "artifacts",
            "tasks: {a: {run: x, retries: many}}": "retries",
            "tasks: {a: {run: x}": ":1:",
        }
        before = len(self.platform.tasks())
        for text, named in cases.items():
            error = self.refused(2, "run", self.platform.group_file(text))
            self.assertIn(named, error)
            self.assertIn("troupe.yml:", error)
        self.assertEqual(len(self.platform.tasks()), before)

    def test_events_that_there_cannot_be(self):
        self.still_serves()
        error = self.refused(2, "events", "--exchange", "task-faild")
        self.assertIn("did you mean `task-failed`?", error)
        self.assertIn("task-pending", self.platform.run("events", "--exchange", "task-pending"))
        def last_position():
            lines = self.platform.run("events", "--json").splitlines()
            last = json.loads(lines[-1])
            return last["position"] if last["exchange"].endswith("group-resolved") else None

        last = wait_until(last_position, "the group of the task that was served to be resolved")
        self.assertEqual(self.platform.run("events", "--after", last), "")
        ahead = last[:-1] + "999999"
        error = self.refused(1, "events", "--after", ahead)
        self.assertIn("ahead of this event log, which ends at " + last, error)

    def test_all_errors_of_a_group_file_at_once(self):
        missing = "Z" * 8 + "QAC" + "A" * 11
        path = self.platform.group_file("""tsaks: 1
tasks:
  a:
    run: x
    queue: Nonsense
    retries: 50
    needs: [%s]
  b:
    run: x
    retries: many
    deadline: 30d
    expires: 60d
  c:
    run: x
    needs: [a, nobody]
    priority: urgent
""" % missing)
        error = self.refused(2, "run", path)
        found = [line.split(":", 3)[1:] for line in error.splitlines()]
        self.assertTrue(all(line.startswith(path + ":") for line in error.splitlines()), error)
        places = [(int(line), int(column)) for line, column, _ in found]
        self.assertEqual(places, [(1, 1), (5, 12), (6, 14), (7, 13), (10, 14), (11, 15), (15, 16),
                                  (16, 15)], error)
        for (_, _, message), field in zip(found, ["tsaks", "taskQueueId: ", "`retries` is ",
                                                  "dependencies[0]: ", "retries", "deadline: ",
                                                  "nobody", "priority: "]):
            self.assertIn(field, message)

    def test_all_errors_of_a_definition_at_once(self):
        for name, text in (("task.yml", """taskQueueId: local/default
retries: 50
deadline: 30d
prioritty: low
payload: {}
metadata: {name: n, description: "", owner: o,
  source: nowhere}
"""), ("task.json", """{"taskQueueId": "local/default",
 "retries": 50,
 "deadline": {"$fromNow": "30 days"},
 "prioritty": "low",
 "payload": {}, "metadata": {"name": "n", "description": "", "owner": "o",
 "source": "nowhere"}}""")):
            path = os.path.join(self.platform.dir, name)
            with open(path, "w") as f:
                f.write(text)
            lines = self.refused(2, "task", "create", path).splitlines()
            self.assertTrue(all(line.startswith(path + ":") for line in lines), lines)
            numbers = [int(line[len(path) + 1:].split(":")[0]) for line in lines]
            self.assertEqual(numbers, [2, 3, 4, 7 if name == "task.yml" else 6], lines)

    def test_definitions(self):
        path = os.path.join(self.platform.dir, "task.json")
        definition = {"taskQueueId": "local/default", "deadline": {"$fromNow": "1 hour"},
                      "payload": {}, "metadata": {"name": "n", "description": "", "owner": "o",
                                                  "source": "https://x"}}
        for change, named in (({"priorty": "low"}, "priority"), ({"retries": 50}, "retries"),
                              ({"dependencies": ["x"]}, "dependencies"),
                              ({"taskQueueId": "nonsense"}, "taskQueueId"),
                              ({"deadline": {"$fromNow": "30 days"}}, "deadline")):
            with open(path, "w") as f:
                json.dump({**definition, **change}, f)
            done = self.platform.run("task", "create", path, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(named, done.stderr)
        with open(path, "w") as f:
            json.dump({**definition, "dependencies": ["Z" * 8 + "Q" + "A" * 12 + "A"]}, f)
        done = self.platform.run("task", "create", path, check=False)
        self.assertNotEqual(done.returncode, 0)

    def test_files_of_another_kind_are_not_repeated(self):
        path = os.path.join(self.platform.dir, "shadow")
        with open(path, "w") as f:
            f.writelines("user%d:$6$secret:20000:0:99999:7:::\n" % i for i in range(200))
        for command in (("run",), ("task", "create"), ("group", "create")):
            error = self.refused(2, *command, path)
            self.assertIn("this is no", error)
            self.assertNotIn("secret", error)
            self.assertEqual(error.count("\n"), 1)

    def test_a_queue_is_shown_by_an_example(self):
        error = self.refused(2, "submit", "--queue", "bad", "--", "true")
        self.assertIn('"bad" is not a task queue such as local/default', error)
        self.assertNotIn("[a-z", error)

    def test_tasks_of_what_is_no_queue(self):
        error = self.refused(2, "task", "list", "--queue", "foo")
        self.assertIn('"foo" is not a task queue such as local/default', error)
        self.assertEqual(self.platform.run("task", "list", "--queue", "local/foo"), "")

    def test_address_of_a_worker(self):
        token = os.path.join(self.platform.dir, "join.json")
        self.platform.run("worker", "token", "create", "--pool", "local/other", "--output", token)
        worker = self.platform.client("worker", "--join", "127.0.0.1:1", "--pool", "local/other",
                                      "--credentials", token, "--work-dir",
                                      os.path.join(self.platform.dir, "wj"))
        wait_until(lambda: "connection_failed" in worker.stderr(), "the failure")
        self.assertIn("address from --join", worker.stderr())
        self.assertNotIn("address from " + token, worker.stderr())
        worker.process.terminate()
        worker.wait()

    def test_two_workers_of_one_name(self):
        """The later one has the name; the earlier one says so and ends."""
        token = os.path.join(self.platform.dir, "twins.json")
        self.platform.run("worker", "token", "create", "--pool", "local/twins", "--output", token)
        rpc = self.platform.ready["rpc"].split(",")[0]

        def twin(name):
            worker = self.platform.client(
                "worker", "--join", rpc, "--pool", "local/twins", "--credentials", token,
                "--worker-id", "twin", "--work-dir", os.path.join(self.platform.dir, name))
            wait_until(lambda: "worker_registered" in worker.stderr(), "a registration")
            return worker

        first = twin("first")
        second = twin("second")
        self.assertEqual(first.wait(20), 1, first.stderr())
        self.assertIn("worker_displaced", first.stderr())
        self.assertIn("--worker-id", first.stderr())
        self.assertEqual(first.stderr().count("worker_registered"), 1)
        self.assertIn("worker_displaced", self.platform.log())
        log = self.platform.run("submit", "--queue", "local/twins", "--", "echo", "still here")
        self.assertIn("still here", log)
        self.assertEqual(second.stderr().count("worker_registered"), 1)
        second.process.terminate()
        self.assertEqual(second.wait(), 0)

    def test_version(self):
        done = subprocess.run([BINARY, "--version", "--json"], capture_output=True, text=True,
                              env=self.platform.environment)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(json.loads(done.stdout)["name"], "troupe")

    def test_unreadable_file(self):
        self.assertIn("/nowhere/troupe.yml", self.refused(2, "run", "/nowhere/troupe.yml"))

    def test_unknown_command_and_option(self):
        self.refused(2, "tsk")
        self.refused(2, "task", "list", "--stat", "x")

    def up(self, *args):
        # Whoever has the usual ports is not to be found first.
        free = ["--http", "127.0.0.1:0", "--rpc", "127.0.0.1:0"]
        return subprocess.run([BINARY, "up", *free, *args], capture_output=True, text=True,
                              timeout=120, env=self.platform.environment)

    def test_data_directory_in_use(self):
        done = self.up("--data", self.platform.data)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(self.platform.server.pid), done.stderr)
        self.still_serves()

    def test_data_directory_that_cannot_be(self):
        done = self.up("--data", "/proc/x")
        self.assertEqual(done.returncode, 2)
        self.assertIn("/proc/x", done.stderr)
        self.assertIn("--data", done.stderr)

    def test_data_directory_of_another_version(self):
        other = os.path.join(self.platform.dir, "newer")
        shutil.copytree(self.platform.data, other,
                        ignore=shutil.ignore_patterns("*.sock", "workers", "store"))
        with open(os.path.join(other, "version"), "w") as f:
            f.write("9999\n")
        done = self.up("--data", other)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("9999", done.stderr)

    def test_silence_is_explained(self):
        client = self.platform.client("submit", "--queue", "local/gpu", "--", "true")
        wait_until(lambda: "no worker serves local/gpu" in client.stderr(), "the reason")
        client.process.kill()


if __name__ == "__main__":
    unittest.main(verbosity=2)
