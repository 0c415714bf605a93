"""What each method of the queue asks of its caller: what is just enough, and that nothing less is.
Source: spec/queue.md, section 12. createTask is in queue_creation_test.py, claims are in
queue_claims_test.py, artifacts in queue_artifacts_test.py, lists in queue_workers_test.py."""

import unittest

from contract import quoted
from queue_support import QueueTest, in_hours, slugid


class Scopes(QueueTest):
    def setUp(self):
        super().setUp()
        self.group = slugid()
        self.task = self.create(taskGroupId=self.group, schedulerId="s", projectId="p/q")

    def enough(self, say, *scopes):
        """All of these together are, and not with one of them missing, or slightly another."""
        for missing in scopes:
            others = [scope for scope in scopes if scope != missing]
            for instead in ([], [missing + "x"], [missing[:-1]]):
                by = self.caller("some:scope", *others, *instead)
                with self.subTest(missing=missing, instead=instead):
                    self.refused(say(by), "InsufficientScopes")
        by = self.caller(*scopes)
        with self.subTest(scopes=scopes):
            self.given(say(by))

    def either(self, say, *alternatives):
        for scopes in alternatives:
            self.enough(say, *scopes)

    def test_what_starts_and_stops_a_task(self):
        """Names are the stored task's. What is scheduled, pending or canceled may be so again."""
        for call, verb in (("schedule", "schedule-task"), ("rerun", "rerun-task"),
                           ("cancel", "cancel-task")):
            path = "/task/%s/%s" % (self.task, call)
            self.either(lambda by, path=path: self.say("POST", path, by=by),
                        ["queue:%s:s/%s/%s" % (verb, self.group, self.task)],
                        ["queue:%s-in-project:p/q" % verb],
                        ["queue:" + verb, "assume:scheduler-id:s/" + self.group])

    def test_priority(self):
        priorities = ["high", "low"]

        def change(by):
            answer = self.say("POST", "/task/%s/priority" % self.task,
                              {"newPriority": priorities[0]}, by=by)
            if answer.status == 200:
                priorities.reverse()
            return answer

        self.either(change, ["queue:change-task-priority:" + self.task],
                    ["queue:change-task-priority-in-queue:" + self.queue])

    def test_groups(self):
        path = "/task-group/" + self.group
        for verb, rest, body, scope in (
                ("GET", "", None, "list-task-group:" + self.group),
                ("GET", "/list", None, "list-task-group:" + self.group),
                ("POST", "/priority", {"newPriority": "high"},
                 "change-task-group-priority:s/" + self.group),
                ("POST", "/seal", None, "seal-task-group:s/" + self.group),
                ("POST", "/cancel", None, "cancel-task-group:s/" + self.group)):
            self.enough(lambda by, verb=verb, rest=rest, body=body: self.say(
                verb, path + rest, body, by=by), "queue:" + scope)

    def test_reads(self):
        other = self.create()
        for path, scope in (("", "get-task"), ("/status", "status"),
                            ("/dependents", "list-dependent-tasks")):
            self.enough(lambda by, path=path: self.say("GET", "/task/" + self.task + path, by=by),
                        "queue:%s:%s" % (scope, self.task))
        for path, scope in (("/tasks", "get-task"), ("/tasks/status", "status")):
            self.enough(lambda by, path=path: self.say(
                "POST", path, {"taskIds": [self.task, other]}, by=by),
                *("queue:%s:%s" % (scope, task) for task in (self.task, other)))

    def test_lists_of_a_queue(self):
        path = "/task-queues/%s/" % quoted(self.queue)
        for rest, scope in (("pending", "pending-list:"), ("claimed", "claimed-list:")):
            self.enough(lambda by, rest=rest: self.say("GET", path + rest, by=by),
                        "queue:" + scope + self.queue)
        self.enough(lambda by: self.say("GET", path + "counts", by=by),
                    "queue:pending-count:" + self.queue, "queue:claimed-count:" + self.queue)

    def test_runs(self):
        claim = self.claimed(self.task)
        run = "/task/%s/runs/0" % self.task
        artifact = {"storageType": "link", "artifact": "x", "expires": claim["task"]["deadline"]}
        for rest, body, scope in (("/reclaim", None, "reclaim-task"),
                                  ("/artifacts/a", artifact, "create-artifact"),
                                  ("/completed", None, "resolve-task")):
            self.enough(lambda by, rest=rest, body=body: self.say("POST", run + rest, body, by=by),
                        "queue:%s:%s/0" % (scope, self.task))
        for what, reason in (("failed", None), ("exception", "internal-error")):
            task = self.create()
            self.claimed(task)
            self.enough(lambda by, task=task, what=what, reason=reason: self.report(
                task, what, by=by, reason=reason), "queue:resolve-task:%s/0" % task)

    def test_quarantine(self):
        names = (*self.queue.split("/"), "g", "ill")
        self.put("/provisioners/%s/worker-types/%s/%s/%s" % names, {"expires": in_hours(1)})
        self.enough(lambda by: self.say(
            "PUT", "/provisioners/%s/worker-types/%s/workers/%s/%s" % names,
            {"quarantineUntil": in_hours(1)}, by=by),
            "queue:quarantine-worker:%s/%s/%s/%s" % names)


if __name__ == "__main__":
    unittest.main()
