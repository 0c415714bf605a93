"""Commands that people type: they do what they say, and say so where there was nothing to do."""

import json
import os
import signal
import subprocess
import unittest
from datetime import datetime, timezone

from platform_under_test import BINARY, SharedPlatform, wait_until

GRAPH = "tasks: {a: {run: sleep 600}, b: {run: echo b, needs: [a]}, c: {run: echo c, needs: [b]," \
        " requires: all-resolved}}"


class Commands(SharedPlatform):
    def path(self, name):
        return os.path.join(self.platform.dir, name)

    def group(self, text, *flags):
        """Creates a group without watching it; answers its id."""
        return self.platform.run("run", "--detach", *flags, self.platform.group_file(
            text)).split()[1].rstrip(":")

    def states(self, group):
        return {t["task"]["metadata"]["name"]: t["status"]["state"]
                for t in self.platform.tasks() if t["status"]["taskGroupId"] == group}

    def done(self, status, *args, **options):
        """Runs a command that ends with this status."""
        done = self.platform.run(*args, check=False, **options)
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        return done

    def blocked_task(self):
        """A task that no worker takes, cancelled with the test."""
        task = self.platform.submit("true", "--queue", "local/nobody")
        self.addCleanup(self.platform.run, "task", "cancel", task)
        return task


class GroupCancel(Commands):
    def test_every_task_that_has_not_ended_is_cancelled(self):
        group = self.group(GRAPH)
        said = self.platform.run("group", "cancel", "last")
        self.assertEqual(said, "group %s: 3 tasks cancelled\n" % group)
        self.assertEqual(self.states(group), dict.fromkeys("abc", "exception"))
        runs = self.platform.status(group + "/c")["runs"]
        self.assertEqual([run["reasonResolved"] for run in runs], ["canceled"])

    def test_a_repeat_says_that_nothing_was_left(self):
        group = self.group(GRAPH)
        first = json.loads(self.platform.run("--json", "group", "cancel", group))
        self.assertEqual((first["taskGroupSize"], first["cancelledCount"]), (3, 3))
        self.assertEqual(len(set(first["taskIds"])), 3)
        self.assertIn("every task has ended already, nothing cancelled",
                      self.platform.run("group", "cancel", group))

    def test_what_has_ended_stays_and_many_are_cancelled(self):
        group = self.group("tasks: {first: {run: 'true'}, many: {queue: local/nobody, run: 'true',"
                           " needs: [first], matrix: {n: %s}}}" % list(range(250)))
        first = self.platform.status(group + "/first")["taskId"]
        self.platform.wait_for_task(first)
        self.assertIn("250 tasks cancelled", self.platform.run("group", "cancel", group))
        self.assertEqual(self.platform.status(first)["state"], "completed")

    def test_a_deadline_that_has_passed_is_told(self):
        path = self.platform.group_file("tasks: {a: {run: 'true', queue: local/nobody,"
                                        " deadline: 1s}}")
        group = self.platform.run("run", "--detach", path).split()[1].rstrip(":")
        deadline = datetime.fromisoformat(self.platform.status(group + "/a")["deadline"])
        wait_until(lambda: datetime.now(timezone.utc) > deadline, "the deadline")
        # It ends the task a minute later.
        self.assertEqual(self.platform.status(group + "/a")["state"], "pending")
        self.assertIn("the deadline of 1 task has passed", self.platform.run("group", "cancel",
                                                                             group))

    def test_an_interrupted_run_says_how_to_stop_the_group(self):
        run = self.platform.client("run", self.platform.group_file(GRAPH))
        wait_until(lambda: "a: running" in run.stdout(), "the first task to run")
        group = run.stdout().split()[1].rstrip(":")
        run.process.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(), 130)
        self.assertIn("`troupe group cancel %s` stops it" % group, run.stderr())
        self.platform.run("group", "cancel", group)


class GroupRerun(Commands):
    def ended(self, text, states):
        """Creates a group and waits for its tasks; answers its id."""
        group = self.group(text)
        wait_until(lambda: self.states(group) == states, "the group to end")
        return group

    def runs(self, group, name):
        return self.platform.status("%s/%s" % (group, name))["runs"]

    def test_what_needs_a_task_runs_after_it(self):
        group = self.ended(
            "tasks: {a: {run: echo a > a.txt, artifacts: [a.txt]},"
            " b: {run: cat a.txt, inputs: ['a:a.txt']}}", {"a": "completed", "b": "completed"})
        said = self.done(0, "group", "rerun", group)
        self.assertEqual([line.split()[1] for line in said.stdout.splitlines()], ["a", "b"])
        self.assertIn("1 task more, once what they need has completed", said.stderr)
        b = self.platform.status(group + "/b")["taskId"]
        self.platform.wait_for_task(b)
        again = self.runs(group, "a")[1], self.runs(group, "b")[1]
        self.assertEqual([run["reasonCreated"] for run in again], ["rerun", "rerun"])
        self.assertLessEqual(again[0]["resolved"], again[1]["scheduled"])

    def test_only_what_failed_and_what_waits_goes_on(self):
        group = self.ended("tasks: {good: {run: 'true'}, a: {run: test $RUN_ID = 1},"
                           " b: {run: 'true', needs: [a]}}",
                           {"good": "completed", "a": "failed", "b": "unscheduled"})
        said = self.done(0, "group", "rerun", "--failed", group)
        self.assertEqual([line.split()[1] for line in said.stdout.splitlines()], ["a"])
        self.platform.wait_for_task(self.platform.status(group + "/b")["taskId"])
        self.assertEqual(len(self.runs(group, "good")), 1)

    def test_what_needs_a_failure_is_left_as_it_is(self):
        group = self.ended("tasks: {a: {run: test $RUN_ID = 0}, b: {run: 'true', needs: [a]}}",
                           {"a": "completed", "b": "completed"})
        said = self.done(1, "group", "rerun", group)
        self.assertIn("troupe: b is not rerun: it needs a, which did not complete", said.stderr)
        self.assertEqual(len(self.runs(group, "b")), 1)

    def test_ctrl_c_leaves_what_is_not_rerun_yet(self):
        group = self.ended("tasks: {a: {run: test $RUN_ID = 0 || sleep 600},"
                           " b: {run: 'true', needs: [a]}}", {"a": "completed", "b": "completed"})
        self.addCleanup(self.platform.run, "group", "cancel", group)
        rerun = self.platform.client("group", "rerun", group)
        wait_until(lambda: "1 task more" in rerun.stderr(), "the first task to be rerun")
        rerun.process.send_signal(signal.SIGINT)
        self.assertEqual(rerun.wait(), 130)
        self.assertIn("left: 1 task not rerun", rerun.stderr())
        self.assertEqual((len(self.runs(group, "a")), len(self.runs(group, "b"))), (2, 1))


class Submit(Commands):
    def test_retries_that_cannot_be(self):
        for retries in ("100", "50", "-1", "99999999999999999999", "0x10", "x"):
            error = self.done(2, "submit", "--retries", retries, "--", "true").stderr
            self.assertIn("--retries", error)
            self.assertIn("from 0 to 49", error)
            self.assertIn(retries, error)
        task = self.platform.submit("true", "--retries", "49")
        self.assertEqual(self.platform.status(task)["retriesLeft"], 49)

    def test_what_is_wrong_names_the_option(self):
        error = self.done(2, "submit", "--max-run-time", "5x", "--", "true").stderr
        self.assertIn("--max-run-time is a span of time", error)
        self.assertIn("5x", error)
        error = self.done(2, "submit", "--queue", "foo", "--", "true").stderr
        self.assertIn('--queue: "foo" is not a task queue such as local/default', error)

    def test_ctrl_c_is_an_interruption(self):
        submit = self.platform.client("submit", "--", "sleep", "600")
        task = wait_until(lambda: submit.stderr().partition("task ")[2].strip(), "the task's id")
        wait_until(lambda: self.platform.status(task.split()[0])["state"] == "running", "the task")
        submit.process.send_signal(signal.SIGINT)
        self.assertEqual(submit.wait(), 130, submit.stderr())


class Names(Commands):
    def test_needs_takes_every_name_of_a_task(self):
        first = self.platform.submit("true")
        second = self.platform.submit("true", "--needs", "last")
        self.assertEqual(self.dependencies(second), [first])
        group = self.group("tasks: {a: {run: 'true'}}")
        third = self.platform.submit("true", "--needs", "last/a", "--needs", first[:12])
        member = self.platform.status(group + "/a")["taskId"]
        self.assertEqual(self.dependencies(third), [member, first])

    def dependencies(self, task):
        return json.loads(self.platform.run("task", "show", task, "--json"))["dependencies"]

    def test_needs_of_nothing(self):
        error = self.done(1, "submit", "--needs", "zzzz", "--", "true").stderr
        self.assertIn("--needs zzzz: no task has an id", error)

    def test_into_takes_every_name_of_a_group(self):
        group = self.group("{seal: false, tasks: {a: {run: 'true'}}}")
        self.assertEqual(self.group("tasks: {b: {run: 'true'}}", "--into", "last"), group)
        self.assertEqual(self.group("tasks: {c: {run: 'true'}}", "--into", group[:12]), group)
        self.assertEqual(set(self.states(group)), {"a", "b", "c"})

    def test_into_nothing_blames_the_flag(self):
        path = self.platform.group_file("tasks: {a: {run: 'true'}}")
        for flags in ((), ("--dry-run",)):
            error = self.done(1, "run", *flags, "--into", "zzzz", path).stderr
            self.assertIn("--into zzzz: no group has an id", error)
            self.assertNotIn("troupe.yml", error)

    def test_last_that_cannot_be_kept_is_told(self):
        with open(self.path("file"), "w"):
            pass
        done = subprocess.run([BINARY, "--data", self.platform.data, "submit", "--", "true"],
                              capture_output=True, text=True, timeout=120,
                              env={**self.platform.environment, "HOME": self.path("file")})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("`last` will not mean this task: cannot make", done.stderr)

    def listed_workers(self):
        return json.loads(self.platform.run("worker", "list", "--json"))["workers"]

    def test_explain_takes_a_worker_as_lists_show_it(self):
        worker = wait_until(self.listed_workers, "the worker")[0]
        name = "%s/%s" % (worker["workerGroup"], worker["workerId"])
        self.assertIn(name, self.platform.run("worker", "list"))
        said = json.loads(self.platform.run("--json", "explain", name))
        self.assertEqual(said["subject"], worker["taskQueueId"] + "/" + name)
        said = json.loads(self.platform.run("--json", "explain", worker["workerId"]))
        self.assertEqual(said["subject"], worker["taskQueueId"] + "/" + name)
        self.assertIn("no task or group has an id that begins with", self.done(
            1, "explain", "nobody").stderr)
        self.assertNotIn("no worker serves", self.platform.run("explain", name))
        self.assertIn("no worker serves local/gpu", self.platform.run("explain", "local/gpu"))


class WithoutEffect(Commands):
    def test_a_task_that_has_ended_is_not_cancelled(self):
        task = self.platform.submit("exit 3")
        self.platform.wait_for_task(task, "failed")
        said = self.done(0, "task", "cancel", task)
        self.assertIn("task %s: already failed, nothing cancelled" % task, said.stderr)
        self.assertIn("already failed, nothing scheduled",
                      self.done(0, "task", "schedule", task).stderr)

    def test_a_task_that_waits_is_not_rerun(self):
        task = self.blocked_task()
        self.assertIn("already pending, nothing rerun", self.done(0, "task", "rerun", task).stderr)
        self.assertEqual(self.done(0, "task", "cancel", task).stderr, "")
        self.assertIn("already cancelled, nothing cancelled",
                      self.done(0, "task", "cancel", task).stderr)
        self.assertEqual(self.done(0, "task", "rerun", task).stderr, "")

    def test_a_task_that_ended_keeps_its_priority(self):
        task = self.blocked_task()
        self.platform.run("task", "cancel", task)
        self.assertIn("task %s has ended, so its priority stays" % task,
                      self.done(1, "task", "priority", task, "high").stderr)
        self.platform.run("task", "rerun", task)
        self.assertIn("task %s has ended before, and keeps its priority when rerun" % task,
                      self.done(1, "task", "priority", task, "high").stderr)

    def test_a_task_without_a_log_says_so(self):
        task = self.blocked_task()
        done = self.done(0, "task", "log", task)
        self.assertEqual(done.stdout, "")
        self.assertIn("run 0 of task %s has not begun" % task, done.stderr)
        self.platform.run("task", "cancel", task)
        self.assertIn("has no log: it ended as canceled", self.done(0, "task", "log", task).stderr)
        self.assertIn("has no run 7, only run 0",
                      self.done(1, "task", "log", "--run", "7", task).stderr)


    def test_a_run_without_artifacts_names_the_one_that_has_some(self):
        group = self.group("tasks: {a: {run: 'echo a > a.txt; test $RUN_ID = 0 || sleep 600',"
                           " artifacts: [a.txt]}}")
        self.addCleanup(self.platform.run, "group", "cancel", group)
        task = self.platform.status(group + "/a")["taskId"]
        self.platform.wait_for_task(task)
        count = len(self.platform.run("task", "artifacts", task).splitlines()) - 1
        self.platform.run("task", "rerun", task)
        said = "task %s: run 1 has no artifacts yet; run 0 has %d: --run 0" % (task, count)
        self.assertIn(said, self.done(0, "task", "artifacts", task).stderr)
        self.assertIn(said, self.done(1, "task", "download", task).stderr)
        self.assertIn(said, self.done(1, "task", "download", task, "a.txt").stderr)
        self.assertEqual(self.platform.run("task", "artifacts", task, "--json").strip(),
                         '{"artifacts":[]}')


class Addresses(Commands):
    def test_an_address_that_is_none_is_wrong_usage(self):
        token = self.platform.worker_token()
        for command, source in (
                ((BINARY, "--rpc", "foo", "queue", "list"), "--rpc"),
                ((BINARY, "worker", "--join", "foo", "--pool", "local/default", "--credentials",
                  token), "--join")):
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd="/",
                                  env=self.platform.environment)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("%s foo: no address for RPC; write host:port or unix:PATH" % source,
                          done.stderr)


class Help(Commands):
    def test_help_is_a_word_too(self):
        said = [subprocess.run([BINARY, *words], check=True, capture_output=True, timeout=120).stdout
                for words in (("help", "task", "log"), ("task", "log", "--help"))]
        self.assertEqual(said[0], said[1])

    def test_there_is_no_help_for_what_there_is_not(self):
        error = self.done(2, "group", "cancle", "--help").stderr
        self.assertIn('unknown command "cancle"; did you mean `cancel`?', error)

    def test_an_option_taken_many_times_takes_one_word_each_time(self):
        self.assertNotIn("NAME ...", self.platform.run("run", "--help"))


class Files(Commands):
    def test_what_is_no_regular_file_is_refused(self):
        os.mkfifo(self.path("pipe"))
        for path in ("/dev/zero", self.path("pipe")):
            for command in (("run",), ("run", "--dry-run"), ("task", "create")):
                error = self.done(2, *command, path).stderr
                self.assertIn(path + ": is not a regular file", error)

    def test_a_time_that_is_none_is_one_fault(self):
        path = self.path("times.yml")
        with open(path, "w") as f:
            f.write("deadline: {$fromNow: 20 bananas}\n"
                    "payload: {maxRunTime: 60, command: [['true']]}\n"
                    "metadata: {name: n, description: d, owner: o@example.com,"
                    " source: 'https://example.com'}\n")
        self.assertEqual(self.done(2, "task", "create", path).stderr,
                         path + ":1:22: deadline: `{$fromNow: ...}` takes one span of time such as "
                                "`2 hours`\n")
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace("20 bananas", "6 days"))
        self.assertIn("deadline: is more than 5d 00h and 15 minutes away",
                      self.done(2, "task", "create", path).stderr)

    def test_a_definition_has_at_most_what_a_request_may_have(self):
        definition = {"payload": {"maxRunTime": 60, "command": [["true"]],
                                  "env": {"LARGE": "x" * (10 << 20)}},
                      "metadata": {"name": "n", "description": "d", "owner": "o@example.com",
                                   "source": "https://example.com"}}
        path = self.path("large.json")
        with open(path, "w") as f:
            json.dump(definition, f)
        error = self.done(2, "task", "create", path).stderr
        self.assertTrue(error.startswith(path + ":1:1: the definition has 10486"), error)
        self.assertIn("more than 10 MiB (10485760) are not taken", error)
        definition.update(taskQueueId="local/default", created="2020-01-01T00:00:00Z",
                          deadline="2999-01-01T00:00:00Z")
        with open(path, "w") as f:
            json.dump(definition, f)
        error = self.done(2, "api", "queue", "createTask", "dSlITZ4yQgmvxxAi4A8fHQ", "--body",
                          path).stderr
        self.assertIn("more than 10 MiB (10485760) are not taken", error)

    def test_only_what_has_a_place_in_the_file_comes_without_the_program(self):
        missing = self.path("missing.yml")
        self.assertTrue(self.done(2, "run", missing).stderr.startswith("troupe: " + missing))
        path = self.platform.group_file("tasks: {a: {run: x, rnu: y}}")
        self.assertTrue(self.done(2, "run", path).stderr.startswith(path + ":1:"))
        path = self.platform.group_file("tasks: {a: {run: x}}")
        error = self.done(2, "run", "--only", "b", path).stderr
        self.assertTrue(error.startswith("troupe: %s: no task `b`" % path), error)

    def test_a_group_file_comes_from_standard_input(self):
        done = subprocess.run([BINARY, "--data", self.platform.data, "run", "-"], timeout=120,
                              input="tasks: {a: {run: echo hi}}", capture_output=True, text=True,
                              env=self.platform.environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 of 1 completed", done.stdout)

    def test_a_wrong_file_is_told_without_a_platform(self):
        path = self.platform.group_file("tasks: {a: {run: x, needs: [b]}, b: {run: x, needs: [a]}}")
        done = subprocess.run([BINARY, "run", path], capture_output=True, text=True, timeout=120,
                              cwd="/", env=self.platform.environment)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("a cycle", done.stderr)
        with open(path, "w") as f:
            f.write("tasks: {a: {run: x}}")
        done = subprocess.run([BINARY, "run", path], capture_output=True, text=True, timeout=120,
                              cwd="/", env=self.platform.environment)
        self.assertEqual(done.returncode, 3, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
