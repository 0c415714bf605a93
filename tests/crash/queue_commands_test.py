"""The commands about queues, workers and what waits: they say why, and what would help."""

import json
import os
import re
import subprocess
import unittest

from platform_under_test import BINARY, SharedPlatform, wait_until

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "task.md")
DEFINITION = """
taskQueueId: local/default
payload:
  command: [[/bin/sh, -c, 'mkdir out; echo "$GREETING" > out/hello.txt']]
  maxRunTime: 600
  env: {GREETING: hello}
  artifacts: [{type: file, path: out/hello.txt, name: public/hello.txt}]
metadata: {name: hello, description: says hello, owner: me@example.com,
           source: 'https://example.com'}
"""


class QueueCommands(SharedPlatform):
    def done(self, status, *args, **options):
        """Runs a command that ends with this status."""
        done = self.platform.run(*args, check=False, **options)
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        return done

    def says(self, *args):
        return json.loads(self.platform.run(*args, "--json"))

    def submit(self, *flags, queue="local/nobody"):
        task = self.platform.submit("true", "--queue", queue, *flags)
        self.addCleanup(self.platform.run, "task", "cancel", task)
        return task

    def body(self, value):
        path = os.path.join(self.platform.dir, "body.json")
        with open(path, "w") as file:
            file.write(value if isinstance(value, str) else json.dumps(value))
        return path

    def api(self, *args, body=None):
        flags = () if body is None else ("--body", self.body(body))
        said = self.platform.run("api", *args, *flags)
        return json.loads(said) if said else None

    def worker(self):
        """The local worker, `GROUP/ID`."""
        workers = wait_until(lambda: [w for w in self.says("worker", "list")["workers"]
                                      if w["taskQueueId"] == "local/default"], "the worker")
        return "%s/%s" % (workers[0]["workerGroup"], workers[0]["workerId"])

    def http_worker(self, queue):
        """A worker that has asked over HTTP, and holds a task."""
        task = self.submit(queue=queue)
        self.api("queue", "claimWork", queue,
                 body={"tasks": 1, "workerGroup": "g", "workerId": "polls"})
        return task


class Explain(QueueCommands):
    def test_a_queue_says_why_what_waits_in_it_waits(self):
        low, high = self.submit(), self.submit("--priority", "high")
        said = self.says("explain", "local/nobody")
        self.assertEqual((said["code"], said["lookedAt"]), ("no-worker", 2))
        self.assertEqual([(m["code"], m["tasks"], m["taskId"]) for m in said["members"]],
                         [("no-worker", 2, high)])
        self.assertIn("2 pending, 0 running, no worker: 2 no-worker; ", said["message"])
        self.assertIn("start one: troupe worker", said["help"])
        self.assertIn("no worker serves local/nobody", self.platform.run("explain",
                                                                         "local/nobody"))
        self.assertEqual([t["taskId"] for t in self.says("queue", "pending",
                                                         "local/nobody")["tasks"]], [high, low])
        listed = self.says("task", "list", "--queue", "local/nobody", "--priority", "high",
                           "--state", "pending")["tasks"]
        self.assertEqual([t["status"]["taskId"] for t in listed], [high])

    def test_a_task_that_needs_itself_waits_to_be_scheduled(self):
        task = "dSlITZ4yQgmvxxAi4A8fHQ"
        definition = self.says("task", "show", self.submit())
        definition.update(dependencies=[task], taskGroupId=task)
        self.api("queue", "createTask", task, body=definition)
        self.addCleanup(self.platform.run, "task", "cancel", task)
        said = self.says("explain", task)
        self.assertEqual((said["code"], said["message"]),
                         ("blocked", "blocked by itself: it is one of its own dependencies"))
        self.assertEqual(said["help"], "schedule it: `troupe task schedule %s`" % task)

    def test_a_queue_shows_its_workers(self):
        name = self.worker()
        self.assertIn(name, self.platform.run("explain", "local/default"))
        shown = self.says("queue", "show", "local/default")
        self.assertEqual(["%s/%s" % (w["workerGroup"], w["workerId"]) for w in shown["staff"]],
                         [name])

    def test_a_queue_that_there_is_not(self):
        error = self.done(1, "queue", "pending", "no/where").stderr
        self.assertIn('no queue "no/where" has been used', error)

    def test_what_is_no_queue_s_name(self):
        for flag, command in (
                ("", ("queue", "pending", "foo")), ("", ("queue", "show", "foo")),
                ("--queue: ", ("worker", "list", "--queue", "foo")),
                ("--queue: ", ("task", "list", "--queue", "foo")),
                ("--queue: ", ("submit", "--queue", "foo", "--", "true")),
                ("--pool: ", ("worker", "token", "create", "--pool", "foo")),
                ("--pool: ", ("worker", "--join", "127.0.0.1:1", "--pool", "foo"))):
            self.assertIn('troupe: %s"foo" is not a task queue such as local/default' % flag,
                          self.done(2, *command).stderr)
        for queue in ("xx/YY", "x!/y", "x/y-"):
            self.assertIn('troupe: "%s" is not a task queue' % queue,
                          self.done(2, "explain", queue).stderr)
        self.assertIn("no worker serves x/y", self.platform.run("explain", "x/y"))

    def test_priorities_that_there_are_not(self):
        for command in (("submit", "--priority", "urgent", "--", "true"),
                        ("task", "list", "--priority", "urgent")):
            self.assertIn("--priority: there is no priority", self.done(2, *command).stderr)


class Workers(QueueCommands):
    def state(self, name):
        return [w for w in self.says("worker", "list")["workers"]
                if "%s/%s" % (w["workerGroup"], w["workerId"]) == name][0]

    def test_a_drain_is_called_one_and_keeps_the_quarantine_beneath(self):
        name = self.worker()
        self.addCleanup(self.platform.run, "worker", "resume", name)
        self.platform.run("worker", "quarantine", name, "--for", "2h", "--reason", "hot")
        until = self.state(name)["quarantineUntil"]
        said = self.platform.run("worker", "drain", name, "--reason", "new disk")
        self.assertIn("its quarantine until %s stays beneath that" % until, said)
        pause = "drained: new disk; `troupe worker resume %s` gives it tasks again" % name
        self.assertEqual((self.state(name)["drained"], self.state(name)["pause"]), (True, pause))
        self.assertIn(pause, self.platform.run("explain", name))
        self.assertIn("(1 drained)", self.platform.run("explain", "local/default"))
        shown = self.platform.run("worker", "show", name)
        for part in ("state:       drained", "busy:        0/", "offers:      any",
                     "quarantine:  drained, until it is resumed", "hot"):
            self.assertIn(part, shown)
        self.assertIn("is drained", self.done(1, "worker", "quarantine", name, "--for",
                                              "1h").stderr)

        self.assertIn("but in quarantine until %s, as before" % until,
                      self.platform.run("worker", "resume", name))
        self.assertEqual((self.state(name)["drained"], self.state(name)["quarantineUntil"]),
                         (False, until))
        self.assertIn("hot", self.state(name)["pause"])
        self.assertIn("gets tasks again", self.platform.run("worker", "resume", name))
        self.assertEqual(self.state(name)["pause"], "")

    def test_what_is_not_held_back_is_not_resumed(self):
        name = self.worker()
        history = self.state(name)["quarantines"]
        done = self.done(0, "worker", "resume", name)
        self.assertEqual((done.stdout, done.stderr), ("", name + " is neither drained nor in "
                                                      "quarantine, nothing resumed\n"))
        self.assertEqual(self.state(name)["quarantines"], history)
        self.assertEqual(self.says("worker", "resume", name)["workerId"], name.split("/")[1])

    def test_a_quarantine_without_a_reason_shows_none(self):
        name = self.worker()
        self.platform.run("worker", "quarantine", name, "--for", "2h")
        self.addCleanup(self.platform.run, "worker", "resume", name)
        self.assertEqual(self.state(name)["pause"],
                         "in quarantine until " + self.state(name)["quarantineUntil"])
        for command in (("worker", "list"), ("worker", "show", name), ("explain", name)):
            self.assertNotIn("[unspecified]", self.platform.run(*command))

    def test_what_a_worker_offers_is_shown(self):
        token = self.platform.worker_token(pool="local/big")
        worker = self.platform.worker(token, "--resources", "cpu=2,memory=1GiB", pool="local/big",
                                      name="big")
        wait_until(lambda: "cpu=2,memory=1GiB" in self.platform.run("worker", "list"), "the offer")
        self.assertIn("offers:      cpu=2,memory=1GiB", self.platform.run("worker", "show", "big"))
        worker.process.terminate()
        worker.wait()

    def test_one_that_asks_over_http(self):
        task = self.http_worker("local/http")
        row = [line for line in self.platform.run("worker", "list").splitlines()
               if "g/polls" in line][0].split()
        self.assertEqual(row[:5], ["local/http", "g/polls", "http", "1/-", "any"])
        self.assertEqual(row[-3:], ["-", "-", "-"])
        shown = self.platform.run("worker", "show", "g/polls")
        self.assertIn("it asks over HTTP", shown)
        self.assertIn(task, shown)
        summary = self.says("worker", "show", "g/polls")["summary"]
        self.assertEqual((summary["polls"], summary["claims"][0]["taskId"]), (True, task))

    def test_a_wrong_name_is_no_task(self):
        name = self.worker()
        for command in ("show", "drain", "resume"):
            error = self.done(1, "worker", command, name + "x").stderr
            self.assertIn('no worker is called "%sx"' % name, error)
        self.assertIn("no worker is called", self.done(1, "worker", "show", "nosuch").stderr)

    def test_what_is_wrong_with_a_quarantine_names_the_option(self):
        name = self.worker()
        self.assertIn("--for 99999999999h: that ends after the year 9999",
                      self.done(2, "worker", "quarantine", name, "--for", "99999999999h").stderr)
        self.assertIn("--reason: at most 4000 characters, not 4001",
                      self.done(2, "worker", "quarantine", name, "--for", "1h", "--reason",
                                "x" * 4001).stderr)
        self.assertIn("--reason: at most 3991 characters, not 3992",
                      self.done(2, "worker", "drain", name, "--reason", "x" * 3992).stderr)

    def test_a_token_expires_in_a_year_that_can_be_written(self):
        error = self.done(2, "worker", "token", "create", "--pool", "local/default", "--expires",
                          "99999999d").stderr
        self.assertEqual(error, "troupe: --expires 99999999d: that ends after the year 9999: give "
                                "a shorter one, such as 30d or 12h\n")

    def test_a_worker_s_names_are_checked_before_it_starts(self):
        for flag in ("--worker-id", "--worker-group"):
            for name in ("a b", "x" * 39):
                error = self.done(2, "worker", "--join", "127.0.0.1:1", "--pool", "a/b", flag,
                                  name).stderr
                self.assertEqual(error, 'troupe: %s: 1 to 38 letters, digits, - or _, not "%s"\n'
                                 % (flag, name))

    def test_resources_that_are_none_blame_the_flag(self):
        error = self.done(2, "worker", "--join", "127.0.0.1:1", "--pool", "a/b", "--resources",
                          "cpu=four").stderr
        self.assertIn("--resources", error)
        self.assertNotIn("worker.resources", error)


class Groups(QueueCommands):
    def test_last_is_the_group_of_what_was_submitted_last(self):
        self.platform.run("run", "--detach", self.platform.group_file("tasks: {a: {run: 'true'}}"))
        task = self.submit()
        self.assertEqual(self.says("group", "show", "last")["taskGroupId"],
                         self.says("task", "status", task)["status"]["taskGroupId"])
        self.assertEqual(self.says("task", "status", "last")["status"]["taskId"], task)

    def test_last_is_the_same_by_another_address(self):
        task = self.submit()
        with open(os.path.join(self.platform.data, "credentials.json")) as file:
            known = json.load(file)
        done = subprocess.run(
            [BINARY, "task", "status", "last", "--json"], capture_output=True, text=True,
            timeout=120, cwd="/", env={**self.platform.environment,
                                      "TROUPE_RPC": "127.0.0.1:%d" % self.platform.rpc_port(),
                                      "TASKCLUSTER_CLIENT_ID": known["clientId"],
                                      "TASKCLUSTER_ACCESS_TOKEN": known["accessToken"]})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["status"]["taskId"], task)

    def test_a_group_and_its_graph(self):
        self.platform.run("run", "--detach", self.platform.group_file(
            "tasks: {after: {run: 'true', needs: [first]}, first: {queue: local/nobody, "
            "run: 'true'}}"))
        self.addCleanup(self.platform.run, "group", "cancel", "last")
        shown = self.says("group", "show", "last")
        self.assertEqual((shown["tasks"], shown["states"]), (2, {"pending": 1, "unscheduled": 1}))
        self.assertEqual([(m["name"], m["state"], m["taskQueueId"]) for m in shown["members"]],
                         [("first", "pending", "local/nobody"),
                          ("after", "unscheduled", "local/default")])
        self.assertIn("tasks      2: ", self.platform.run("group", "show", "last"))
        graph = self.says("group", "graph", "last")["tasks"]
        self.assertEqual([node["name"] for node in graph], ["first", "after"])
        self.assertEqual(graph[1]["dependencies"], [graph[0]["taskId"]])
        dot = self.platform.run("group", "graph", "last", "--dot")
        self.assertIn('"%s" -> "%s";' % (graph[0]["taskId"], graph[1]["taskId"]), dot)

    def test_watching_a_group_that_fails_fails(self):
        self.platform.run("run", "--detach", self.platform.group_file("tasks: {a: {run: exit 3}}"))
        self.done(1, "group", "watch", "last")
        self.done(1, "group", "watch", "last", "--exit-status")
        self.done(0, "group", "watch", "last", "--no-exit-status")


class Tasks(QueueCommands):
    def test_a_definition_gets_what_is_always_meant(self):
        task = self.platform.run("task", "create", self.body(DEFINITION)).strip()
        self.platform.wait_for_task(task)
        shown = self.says("task", "show", task)
        self.assertEqual(shown["taskQueueId"], "local/default")
        self.assertLess(shown["created"], shown["deadline"])
        where = os.path.join(self.platform.dir, "got")
        path = self.platform.run("task", "download", task, "hello.txt", "--output", where).strip()
        with open(path) as file:
            self.assertEqual(file.read(), "hello\n")

    def test_what_the_page_about_definitions_shows_runs(self):
        with open(PAGE) as file:
            examples = re.findall(r"^```(?:yaml|json)\n(.*?)^```$", file.read(), re.M | re.S)
        self.assertEqual(len(examples), 3)
        tasks = []
        for text in examples:
            if tasks:
                text = text.replace("dSlITZ4yQgmvxxAi4A8fHQ", tasks[0])
            tasks.append(self.platform.run("task", "create", self.body(text)).strip())
        for task in tasks:
            self.platform.wait_for_task(task)

    def artifact(self, task, name, **body):
        self.api("queue", "createArtifact", task, "0", name,
                 body={"expires": self.says("task", "status", task)["status"]["deadline"], **body})

    def test_an_error_artifact_is_a_refusal_that_says_why(self):
        task = self.http_worker("local/faults")
        self.artifact(task, "public/err", storageType="error", reason="file-missing-on-worker",
                      message="it is not there")
        why = "artifact public/err was not made: file-missing-on-worker: it is not there"
        for call in (("getArtifact", task, "0"), ("getLatestArtifact", task)):
            done = self.done(1, "api", "queue", *call, "public/err")
            self.assertEqual((done.stdout, done.stderr), ("", "troupe: %s\n" % why))
        self.assertIn("file-missing-on-worker: it is not there",
                      self.platform.run("task", "artifacts", task))
        listed = self.says("task", "artifacts", task)["artifacts"][0]
        self.assertEqual((listed["reason"], listed["message"]),
                         ("file-missing-on-worker", "it is not there"))
        self.assertEqual(self.done(1, "task", "download", task, "err").stderr,
                         "troupe: %s\n" % why)

    def test_one_artifact_that_cannot_be_had_does_not_end_the_rest(self):
        task = self.http_worker("local/files")
        self.artifact(task, "public/a", storageType="object", contentType="text/plain")
        self.artifact(task, "public/b", storageType="error", reason="file-missing-on-worker",
                      message="it is not there")
        self.artifact(task, "public/c", storageType="reference", url="https://example.com/c",
                      contentType="text/plain")
        done = self.done(1, "task", "download", task, "--output", self.platform.dir)
        self.assertEqual(done.stdout, "")
        self.assertIn("public/c is kept elsewhere: https://example.com/c", done.stderr)
        self.assertIn("artifact public/a: ", done.stderr)
        self.assertIn("artifact public/b was not made: file-missing-on-worker: it is not there",
                      done.stderr)
        done = self.done(1, "task", "download", task, "nothing", "b", "c", "--output",
                         self.platform.dir)
        self.assertEqual(done.stdout, "")
        self.assertIn("troupe: artifact public/c: it is kept elsewhere: https://example.com/c",
                      done.stderr)
        self.assertIn('has no artifact "nothing"', done.stderr)
        self.assertIn("artifact public/b was not made: file-missing-on-worker: it is not there",
                      done.stderr)

    def test_what_is_kept_elsewhere_is_no_file(self):
        task = self.http_worker("local/elsewhere")
        self.artifact(task, "public/c", storageType="reference", url="https://example.com/c",
                      contentType="text/plain")
        done = self.done(0, "task", "download", task)
        self.assertEqual((done.stdout, done.stderr),
                         ("", "public/c is kept elsewhere: https://example.com/c\n"))
        self.assertEqual(self.done(1, "task", "download", task, "c").stdout, "")
        self.assertEqual(json.loads(self.platform.run("task", "download", task, "--json")),
                         {"name": "public/c", "url": "https://example.com/c"})

    def test_days_are_times(self):
        task = self.submit()
        listed = self.says("task", "list", "--since", "2020-01-31", "--limit", "0")["tasks"]
        self.assertIn(task, [t["status"]["taskId"] for t in listed])
        self.assertEqual(self.says("task", "list", "--until", "2020-01-31")["tasks"], [])
        self.assertIn("a day such as", self.done(2, "task", "list", "--since", "2020-13-31").stderr)


class Errors(QueueCommands):
    def run_with(self, scopes, *command):
        """A command of a client of its own, `test/SCOPES`."""
        name = "test/" + ("-".join(scopes).replace(":", "-") or "nothing")
        made = self.api("auth", "createClient", name,
                        body={"description": "", "expires": "2999-01-01T00:00:00Z",
                              "scopes": scopes})
        return subprocess.run(
            [BINARY, *command], capture_output=True, text=True, timeout=120, cwd="/",
            env={**self.platform.environment,
                 "TROUPE_RPC": "127.0.0.1:%d" % self.platform.rpc_port(),
                 "TASKCLUSTER_CLIENT_ID": name,
                 "TASKCLUSTER_ACCESS_TOKEN": made["accessToken"]})

    def test_explain_needs_its_own_scope_alone(self):
        done = self.run_with(["troupe:explain"], "explain", "local/nobody")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stderr)
        self.assertIn("no worker serves local/nobody", done.stdout)

    def test_a_refusal_is_one_line_with_the_scopes(self):
        done = self.run_with([], "worker", "list")
        self.assertEqual((done.returncode, done.stderr), (
            3, "troupe: client test/nothing lacks `troupe:listWorkers`: have the scopes given to "
               "it\n"))

    def test_temporary_credentials_without_their_certificate(self):
        task = self.submit(queue="local/claims")
        claim = self.api("queue", "claimWork", "local/claims",
                         body={"tasks": 1, "workerGroup": "g", "workerId": "w"})["tasks"][0]
        self.assertEqual(claim["status"]["taskId"], task)
        environment = {**self.platform.environment,
                       "TROUPE_RPC": "127.0.0.1:%d" % self.platform.rpc_port(),
                       "TASKCLUSTER_CLIENT_ID": claim["credentials"]["clientId"],
                       "TASKCLUSTER_ACCESS_TOKEN": claim["credentials"]["accessToken"]}
        command = [BINARY, "api", "auth", "currentScopes"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd="/",
                              env=environment)
        self.assertEqual(done.returncode, 3)
        self.assertIn("need TASKCLUSTER_CERTIFICATE as well", done.stderr)
        environment["TASKCLUSTER_CERTIFICATE"] = claim["credentials"]["certificate"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd="/",
                              env=environment)
        self.assertIn("queue:reclaim-task:%s/0" % task, done.stdout)

    def test_patterns_that_match_nothing_are_refused(self):
        for flag, parameter in (("--routing-key", "routingKey"), ("--exchange", "exchange")):
            for pattern in ("primary.**", "a.b*", "##"):
                for more in ((), ("-f",)):
                    error = self.done(2, "events", flag, pattern, *more).stderr
                    self.assertIn('%s: "%s" is no pattern' % (parameter, pattern), error)
        self.done(0, "events", "--routing-key", "primary.*.#", "--exchange", "*")

    def test_so_many_events_and_no_more(self):
        self.submit()
        self.assertEqual(len(self.platform.run("events", "--limit", "1").splitlines()), 1)
        self.assertEqual(len(self.platform.run("events", "-f", "--limit", "2").splitlines()), 2)
        follower = self.platform.client("events", "-f", "--after", "now", "--limit", "1")

        def has_ended():
            self.submit()
            return follower.process.poll() is not None

        wait_until(has_ended, "the follower to have its event")
        self.assertEqual((follower.wait(), len(follower.stdout().splitlines())), (0, 1))

    def test_what_a_task_id_looks_like(self):
        error = self.done(2, "api", "queue", "createTask", "bad", "--body", self.body({})).stderr
        self.assertIn('taskId "bad" is no id: those have 22 characters', error)


if __name__ == "__main__":
    unittest.main(verbosity=2)
