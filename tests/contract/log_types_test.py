"""The log's lines that tell what was done: each published type (`logs.json`) is written once that
is done, with the fields and at the level that are published. Source: spec/queue.md, section 15."""

import json
import os
import unittest
import urllib.parse

from contract import FAR
from platform_under_test import read, wait_until
from queue_support import QueueTest, in_hours, in_seconds

S3 = {"storageType": "s3", "contentType": "text/plain"}


class LogTypes(QueueTest):
    settings = {**QueueTest.settings, "TROUPE_LOG_LEVEL": "debug", "TROUPE_LOG_FORMAT": "json",
                "TROUPE_QUEUE_EXPIRATION_DELAY": "0s", "TROUPE_ARTIFACTS_GARBAGE_DELAY": "1s"}

    def lines(self, event, **values):
        """Those of an event with these values, oldest first."""
        text = read(os.path.join(self.server.dir, "server.log"))
        found = [json.loads(line) for line in text.splitlines(keepends=True)
                 if '"event":"%s"' % event in line and line.endswith("\n")]
        return [one for one in found if values.items() <= one.items()]

    def logged(self, event, **values):
        """A line of an event with these values, and exactly the fields that are published."""
        wait_until(lambda: self.lines(event, **values), "%s with %r" % (event, values))
        line = self.lines(event, **values)[0]
        published = self.published()[event]
        self.assertEqual(set(line) - {"time", "level", "event"}, set(published["fields"]))
        if published["level"] != "any":
            self.assertEqual(line["level"], published["level"])
        self.seen.add(event)
        return line

    def published(self):
        """The types of all services."""
        return {one["type"]: one for service in ("auth", "queue", "object")
                for one in self.nobody.get("/references/%s/v1/logs.json" % service,
                                           api="").json["types"]}

    def test_each_is_written(self):
        self.seen = set()
        self.calls_and_changes()
        self.one_task()
        self.a_group()
        self.a_lost_run()
        self.removed_artifacts()
        self.assertEqual(self.seen, set(self.published()))

    def calls_and_changes(self):
        name = self.client("a:b")["clientId"]
        self.logged("audit_event", service="auth", entity="client", entity_id=name,
                    action="created", client=self.root.credentials["clientId"])
        reader = self.caller("auth:list-clients")
        self.given(reader.get("/clients/?prefix=none%2F&limit=5"))
        line = self.logged("api_call", name="listClients")
        self.assertEqual(
            {key: line[key] for key in ("face", "service", "api_version", "method", "resource",
                                        "query", "status", "public", "client", "expires",
                                        "authenticated", "scopes")},
            {"face": "http", "service": "auth", "api_version": "v1", "method": "GET",
             "resource": "/api/auth/v1/clients/", "query": "prefix=none%2F&limit=5", "status": 200,
             "public": False, "client": reader.credentials["clientId"], "expires": FAR,
             "authenticated": True, "scopes": "auth:list-clients"})
        # Only what the method knows of a query.
        self.nobody.get("/ping?bewit=proof&unknown=secret")
        self.assertEqual(self.logged("api_call", name="ping")["query"], "bewit=...")

    def one_task(self):
        first = self.create()
        self.logged("task_defined", task_id=first)
        self.logged("task_pending", task_id=first, run_id="0")
        self.post("/task/%s/priority" % first, {"newPriority": "high"})
        self.logged("task_priority_changed", task_id=first, old_priority="lowest",
                    new_priority="high")
        claim, = self.given(self.claim_work())["tasks"]
        held = {"task_queue_id": self.queue, "worker_group": "g", "worker_id": "w",
                "task_id": first, "run_id": 0}
        self.logged("task_claimed", **held)
        self.logged("task_running", task_id=first, run_id="0")
        by = self.root.called(claim["credentials"])
        self.post("/task/%s/runs/0/reclaim" % first, by=by)
        self.logged("task_reclaimed", **held)
        self.given(self.report(first, "completed", by=by))
        self.logged("task_completed", task_id=first, run_id="0")
        self.logged("task_failed", task_id=self.resolved("failed"), run_id="0")
        wrong = self.resolved("exception", reason="malformed-payload")
        self.logged("task_exception", task_id=wrong, run_id="0")
        self.assertEqual(self.lines("task_resolved_by_worker_removed", task_id=wrong), [])

    def a_group(self):
        group = self.create()
        self.create(taskGroupId=group)
        self.post("/task-group/%s/priority" % group, {"newPriority": "low"})
        self.logged("task_group_priority_changed", task_group_id=group, scheduler_id="-",
                    tasks_affected=2, new_priority="low")
        sealed = self.post("/task-group/%s/seal" % group)
        self.logged("task_group_sealed", task_group_id=group, scheduler_id="-",
                    expires=sealed["expires"], sealed=sealed["sealed"])
        self.post("/task-group/%s/cancel" % group)
        self.logged("task_group_cancelled", task_group_id=group, task_group_size=2,
                    cancelled_count=2)

    def a_lost_run(self):
        task = self.create()
        claim = self.claimed(task)
        self.given(self.report(task, "exception", reason="worker-shutdown", by=claim["by"]))
        self.logged("task_resolved_by_worker_removed", task_id=task, run_id="0",
                    worker_pool_id=self.queue, worker_group="g", worker_id="w", reason="unknown")

    def removed_artifacts(self):
        """Of two the bytes go; which of them share a line is a matter of time."""
        task = self.create(expires=in_hours(5))
        by = self.claimed(task)["by"]
        for name in ("one", "two"):
            made = self.post("/task/%s/runs/0/artifacts/%s" % (task, name),
                             {**S3, "expires": in_seconds(2)}, by=by)
            url = urllib.parse.urlsplit(made["putUrl"])
            sent = self.server.caller(check=None).call(
                "PUT", url.path + "?" + url.query, api="", raw=name.encode(),
                content_type="text/plain")
            self.assertIn(sent.status, (200, 201, 204))
        wait_until(lambda: sum(line["count"] for line in self.lines("expired_artifacts_removed"))
                   == 2, "the bytes to go")
        line = self.logged("expired_artifacts_removed", errors_count=0)
        self.assertLess(line["expires"], line["time"])
        self.given(self.say("GET", "/task/%s/runs/0/artifacts" % task))


if __name__ == "__main__":
    unittest.main()
