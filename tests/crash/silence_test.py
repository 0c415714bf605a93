"""Nothing waits in silence: pauses, absent workers and groups are explained by the real binary."""

import json
import os
import unittest

from platform_under_test import Platform, wait_until

MIXED = """
tasks:
  fails:
    run: echo in vain; false
  blocked:
    needs: [fails]
    run: "true"
  elsewhere:
    queue: local/gpu
    run: "true"
"""


class Silence(unittest.TestCase):
    def join(self, platform, name, *flags):
        token = os.path.join(platform.dir, "token.json")
        if not os.path.exists(token):
            platform.run("worker", "token", "create", "--pool", "local/default", "--output", token)
        return platform.client("worker", "--join", platform.ready["rpc"].split(",")[0], "--pool",
                               "local/default", "--credentials", token, "--worker-id", name,
                               "--worker-group", "g", *flags,
                               "--work-dir", os.path.join(platform.dir, name))

    def explain(self, platform, subject):
        return json.loads(platform.run("explain", subject, "--json"))

    def workers(self, platform):
        return json.loads(platform.run("worker", "list", "--json"))["workers"]

    def wait_for_code(self, platform, subject, code):
        wait_until(lambda: self.explain(platform, subject)["code"] == code, code)
        return self.explain(platform, subject)

    def test_a_full_disk_is_told_until_it_has_room_again(self):
        with Platform(workers=0) as platform:
            worker = self.join(platform, "w", "--min-free-disk", "1000TiB")
            wait_until(lambda: self.workers(platform), "the worker")
            submit = platform.client("submit", "--", "true")
            wait_until(lambda: "g/w: disk: " in submit.stderr(), "the reason")
            task = json.loads(platform.run("task", "list", "--json"))["tasks"][0]
            task = task["status"]["taskId"]
            self.assertIn("1000.0 TiB wanted in " + platform.dir,
                          self.wait_for_code(platform, task, "workers-paused")["message"])
            self.assertIn("disk: ", self.workers(platform)[0]["pause"])
            self.assertIn("disk: ", platform.run("queue", "show", "local/default"))
            queue = json.loads(platform.run("queue", "show", "local/default", "--json"))
            self.assertEqual(queue["paused"], 1)

            platform.kill()
            platform.start()
            self.wait_for_code(platform, task, "workers-paused")

            worker.process.kill()
            worker.process.wait()
            self.wait_for_code(platform, task, "no-worker")
            self.assertEqual(self.workers(platform)[0]["pause"], "")
            self.join(platform, "w", "--min-free-disk", "1B")
            self.assertEqual(submit.wait(), 0, submit.stderr())
            self.assertEqual(self.workers(platform)[0]["pause"], "")

    def test_an_absent_worker_is_told_while_its_lease_runs(self):
        with Platform(workers=0, TROUPE_WORKER_LEASE="10m") as platform:
            worker = self.join(platform, "w")
            submit = platform.client("submit", "--", "sleep", "1000")
            wait_until(lambda: platform.tasks() and
                       platform.tasks()[0]["status"]["state"] == "running", "the task to run")
            worker.process.kill()
            worker.process.wait()
            wait_until(lambda: "its worker g/w has been away for" in submit.stderr(), "why")
            self.assertIn("the run is retried at", submit.stderr())
            self.assertEqual(submit.stderr().count("has been away"), 1)

    def test_a_group_by_reason_and_its_last_task(self):
        with Platform(workers=1) as platform, Platform(workers=0) as other:
            other.environment["HOME"] = platform.dir
            elsewhere = other.submit("true")
            run = platform.client("run", platform.group_file(MIXED))
            wait_until(lambda: "blocked: blocked by fails (failed)" in run.stderr(), "why")
            wait_until(lambda: "no worker serves local/gpu" in run.stderr(), "why")
            group = platform.tasks()[0]["status"]["taskGroupId"]
            explained = self.explain(platform, group)
            self.assertEqual(explained["code"], "no-worker")
            self.assertEqual([(m["code"], m["tasks"], m["name"]) for m in explained["members"]],
                             [("no-worker", 1, "elsewhere"), ("blocked-by-failure", 1, "blocked")])
            self.assertIn("SUCH AS", platform.run("explain", "last"))
            self.assertIn("in vain", platform.run("task", "log", "last"))
            self.assertIn(elsewhere, other.run("task", "status", "last"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
