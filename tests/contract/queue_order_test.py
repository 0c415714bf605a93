"""Which of several reasons a call is refused for, where more than one holds. Source: spec/queue.md,
section 0.2, the errors of each method in their order. createTask is in queue_changes_test.py."""

import unittest

from answers import text_of
from platform_under_test import wait_until
from queue_support import QueueTest, in_hours, slugid

UNKNOWN, FORBIDDEN, CONFLICT = "ResourceNotFound", "InsufficientScopes", "RequestConflict"
CALLS = ("schedule", "rerun", "cancel", "priority")  # on a task


class Order(QueueTest):
    def do(self, call, task, by):
        body = {"newPriority": "high"} if call == "priority" else None
        return self.say("POST", "/task/%s/%s" % (task, call), body, by=by)

    def late(self, **changes):
        """A task whose deadline has passed, and which has not been resolved for it yet."""
        task = self.before(lambda deadline: self.create(deadline=deadline, **changes))
        wait_until(lambda: self.do("schedule", task, self.root).status == 409, "the deadline")
        return task

    def test_whether_it_is_there_before_who_asks(self):
        for call in CALLS:
            with self.subTest(call=call):
                self.refused(self.do(call, slugid(), self.nobody), UNKNOWN)
        for call, body in (("seal", None), ("cancel", None), ("priority", {"newPriority": "low"})):
            with self.subTest(group=call):
                self.refused(self.say("POST", "/task-group/%s/%s" % (slugid(), call), body,
                                      by=self.nobody), UNKNOWN)
        self.refused(self.claim_task(slugid(), by=self.nobody), UNKNOWN)

    def test_who_asks_before_what_is_there(self):
        """Where the scopes are those of the path."""
        task, group = slugid(), slugid()
        for path in ("/task/" + task, "/task/%s/status" % task, "/task/%s/dependents" % task,
                     "/task-group/" + group, "/task-group/%s/list" % group):
            with self.subTest(path=path):
                self.refused(self.say("GET", path, by=self.nobody), FORBIDDEN)
                self.refused(self.say("GET", path), UNKNOWN)
        for what, reason in (("reclaim", None), ("completed", None), ("failed", None),
                             ("exception", "internal-error")):
            with self.subTest(what=what):
                self.refused(self.report(task, what, by=self.nobody, reason=reason), FORBIDDEN)
                self.refused(self.report(task, what, reason=reason), UNKNOWN)

    def test_who_asks_before_the_deadline(self):
        task = self.late()
        for call in CALLS:
            with self.subTest(call=call):
                self.refused(self.do(call, task, self.nobody), FORBIDDEN)
                self.refused(self.do(call, task, self.root), CONFLICT)
        self.refused(self.claim_task(task, by=self.nobody), FORBIDDEN)
        self.assertEqual(self.status(task)["state"], "pending")

    def test_the_deadline_before_whether_it_has_ended(self):
        """Of a task that was canceled both are a conflict: the deadline is named."""
        def canceled(deadline):
            task = self.create(deadline=deadline)
            self.post("/task/%s/cancel" % task)
            return task

        task = self.before(canceled)
        wait_until(lambda: self.do("rerun", task, self.root).status == 409, "the deadline")
        self.assertIn("deadline", text_of(self.do("priority", task, self.root)))

    def test_claim_task(self):
        """The deadline, then the quarantine, then the run."""
        self.claims(worker="ill")
        provisioner, worker_type = self.queue.split("/")
        self.put("/provisioners/%s/worker-types/%s/workers/g/ill" % (provisioner, worker_type),
                 {"quarantineUntil": in_hours(1)})
        task = self.create()
        refused = self.claim_task(task, run=7, worker="ill")
        self.refused(refused, CONFLICT)
        self.assertIn("quarantine", text_of(refused))
        self.refused(self.claim_task(task, run=7, worker="well"), UNKNOWN)
        late = self.late()
        for run, worker in ((0, "ill"), (7, "ill"), (7, "well")):
            with self.subTest(run=run, worker=worker):
                refused = self.claim_task(late, run, worker)
                self.refused(refused, CONFLICT)
                self.assertIn("deadline", text_of(refused))

    def test_reclaim(self):
        """The run, then the deadline, then its state."""
        task = self.late()
        self.refused(self.say("POST", "/task/%s/runs/7/reclaim" % task), UNKNOWN)
        refused = self.say("POST", "/task/%s/runs/0/reclaim" % task)
        self.refused(refused, CONFLICT)
        self.assertIn("deadline", text_of(refused))


if __name__ == "__main__":
    unittest.main()
