"""Clients that may not do all: they are told before anything is made, or what was made."""

import json
import os
import subprocess
import unittest

import kept_logs
from platform_under_test import BINARY, Platform

CREATE = ["queue:create-task:lowest:local/default", "queue:create-task:project:none",
          "queue:scheduler-id:-"]
RUN = CREATE + ["troupe:checkTasks", "troupe:createTasks", "troupe:releaseTasks"]
SEAL = ["queue:seal-task-group:-/*"]
GRAPH = "tasks: {a: {run: 'true'}, b: {run: 'true', needs: [a]}}"


class Permissions(unittest.TestCase):
    def start(self, *flags):
        self.platform = Platform(workers=1, flags=flags)
        self.addCleanup(self.platform.__exit__)
        self.platform.start()

    def client(self, scopes):
        """The environment of a new client with these scopes."""
        name = "ci/client-%d" % len(os.listdir(self.platform.dir))
        body = os.path.join(self.platform.dir, name.replace("/", "-") + ".body")
        with open(body, "w") as f:
            json.dump({"description": "", "expires": "2099-01-01T00:00:00Z", "scopes": scopes}, f)
        made = json.loads(self.platform.run("api", "auth", "createClient", name, "--body", body))
        kept_logs.plant(made["accessToken"])
        return {**self.platform.environment, "TASKCLUSTER_CLIENT_ID": name,
                "TASKCLUSTER_ACCESS_TOKEN": made["accessToken"],
                "TROUPE_RPC": "127.0.0.1:%d" % self.platform.rpc_port()}

    def done(self, status, scopes, *args):
        done = subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=120,
                              cwd=self.platform.dir, env=self.client(scopes))
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        return done

    def test_run_creates_nothing_that_it_may_not_let_go(self):
        self.start()
        path = self.platform.group_file(GRAPH)
        error = self.done(3, CREATE, "run", path).stderr
        for scope in RUN[len(CREATE):] + SEAL:
            self.assertIn("`%s`" % scope, error)
        self.assertEqual(error.count("\n"), 1)
        self.assertIn("`queue:seal-task-group:-/*`: nothing was created",
                      self.done(3, RUN, "run", path).stderr)
        self.assertEqual(self.platform.tasks(), [])
        self.done(0, RUN + SEAL, "run", path)
        self.assertIn("2 tasks", self.done(0, RUN, "run", self.platform.group_file(
            "seal: false\n" + GRAPH)).stdout)

    def test_an_upload_is_thought_of(self):
        self.start()
        folder = os.path.join(self.platform.dir, "repo")
        subprocess.run(["git", "init", "-q", folder], check=True)
        with open(os.path.join(folder, "troupe.yml"), "w") as f:
            f.write("upload: .\n" + GRAPH)
        error = self.done(3, RUN + SEAL, "run", folder).stderr
        for scope in ("queue:create-task:lowest:troupe/upload", "queue:claim-work:troupe/upload",
                      "queue:worker-id:troupe-cli/*", "queue:get-artifact:private/source.tar.zst"):
            self.assertIn("`%s`" % scope, error)
        self.assertEqual(self.platform.tasks(), [])
        self.done(0, RUN + SEAL + ["queue:create-task:lowest:troupe/upload",
                                   "queue:claim-work:troupe/upload", "queue:worker-id:troupe-cli/*",
                                   "queue:get-artifact:private/source.tar.zst"], "run", folder)

    def test_submit_on_a_private_server(self):
        self.start("--private")
        error = self.done(3, CREATE + ["auth:current-scopes"], "submit", "--", "true").stderr
        self.assertIn("`troupe:events`, `queue:get-artifact:public/logs/live.log`, which following "
                      "takes: nothing was created", error)
        self.assertIn("--detach", error)
        self.assertEqual(self.platform.tasks(), [])
        self.done(0, CREATE + ["auth:current-scopes"], "submit", "--detach", "--", "true")
        self.assertEqual(len(self.platform.tasks()), 1)

    def test_what_was_made_is_told_where_it_could_not_be_known(self):
        self.start("--private")
        error = self.done(3, CREATE, "submit", "--", "true").stderr
        task = self.platform.tasks()[0]["status"]["taskId"]
        self.assertIn("task %s was created and goes on, but it may not be followed" % task, error)
        self.assertRegex(error, "troupe:events|queue:get-artifact:public/logs/live.log")
        error = self.done(3, RUN, "run", self.platform.group_file(GRAPH)).stderr
        self.assertIn("was created and runs, but is not sealed", error)
        self.assertIn("queue:seal-task-group:-/", error)
        error = self.done(3, RUN + SEAL, "run", self.platform.group_file(GRAPH)).stderr
        self.assertIn("was created and runs, but may not be watched", error)


if __name__ == "__main__":
    unittest.main(verbosity=2)
