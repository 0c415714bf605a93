"""What changes tasks and groups over HTTP: priorities, cancelling a group, limits; and in which order
createTask looks at what it is given. Source: spec/queue.md, sections 0.2, 2.1, 5 and 6."""

import unittest

from contract import ContractTest, quoted
from queue_test import NOWHERE, definition, in_hours, slugid

QUEUE = "/api/queue/v1"
LIMITED = {"concurrency": {"key": "k", "limit": 2}, "resources": {"cpu": 1.5, "memory": "4GiB"}}


class Changes(ContractTest):
    def put(self, path, body, by=None):
        return (by or self.root).put(path, body, api=QUEUE)

    def post(self, path, body=None, by=None):
        return (by or self.root).post(path, body, api=QUEUE)

    def get(self, path, by=None):
        return (by or self.root).get(path, api=QUEUE)

    def new_task(self, **changes):
        task = slugid()
        self.given(self.put("/task/" + task, definition(**changes)))
        return task

    def status(self, task):
        return self.given(self.get("/task/%s/status" % task))["status"]

    def pending(self):
        return [t["taskId"] for t in
                self.given(self.get("/task-queues/%s/pending" % quoted(NOWHERE)))["tasks"]]


class Priority(Changes):
    def change(self, task, priority, by=None):
        return self.post("/task/%s/priority" % task, {"newPriority": priority}, by=by)

    def test_a_task_gets_another(self):
        body = definition()
        task = slugid()
        self.given(self.put("/task/" + task, body))
        self.assertEqual(self.given(self.change(task, "high"))["status"]["priority"], "high")
        self.assertEqual(self.status(task)["priority"], "high")
        self.assertEqual(self.given(self.get("/task/" + task))["priority"], "high")
        # What it was created with is another definition now.
        self.refused(self.put("/task/" + task, body), "RequestConflict")
        self.given(self.put("/task/" + task, {**body, "priority": "high"}))
        self.assertIn(task, self.pending())

    def test_refusals_in_their_order(self):
        nobody = self.caller("some:scope")
        task = self.new_task()
        self.refused(self.change(slugid(), "high", by=nobody), "ResourceNotFound")
        self.refused(self.change(task, "lowest", by=nobody), "InsufficientScopes")
        self.refused(self.change(task, "lowest"), "RequestConflict")
        self.refused(self.change(task, "normal"), "InputValidationError")
        self.refused(self.change("x", "high"), "InvalidRequestArguments")
        self.refused(self.post("/task/%s/priority" % task, {}), "InputValidationError")

    def test_either_scope_will_do(self):
        task = self.new_task()
        self.given(self.change(task, "high",
                               by=self.caller("queue:change-task-priority:" + task)))
        in_queue = self.caller("queue:change-task-priority-in-queue:" + NOWHERE)
        self.given(self.change(task, "low", by=in_queue))

    def test_a_task_that_ended_once_keeps_its_own(self):
        task = self.new_task()
        self.given(self.post("/task/%s/cancel" % task))
        self.refused(self.change(task, "high"), "RequestConflict")
        self.given(self.post("/task/%s/rerun" % task))
        self.refused(self.change(task, "high"), "RequestConflict")

    def test_a_group_gets_another(self):
        group = slugid()
        tasks = sorted(self.new_task(taskGroupId=group) for _ in range(3))
        ended = self.new_task(taskGroupId=group)
        self.given(self.post("/task/%s/cancel" % ended))
        path = "/task-group/%s/priority" % group
        changed = self.given(self.post(path, {"newPriority": "high"}))
        self.assertEqual(changed, {"taskGroupId": group, "schedulerId": "-", "newPriority": "high",
                                   "tasksAffected": 3, "taskIds": tasks})
        self.assertEqual([self.status(task)["priority"] for task in tasks], ["high"] * 3)
        again = self.given(self.post(path, {"newPriority": "high"}))
        self.assertEqual((again["tasksAffected"], again["taskIds"]), (0, []))
        nobody = self.caller("some:scope")
        self.refused(self.post(path, {"newPriority": "low"}, by=nobody), "InsufficientScopes")
        self.refused(self.post("/task-group/%s/priority" % slugid(), {"newPriority": "low"},
                               by=nobody), "ResourceNotFound")
        allowed = self.caller("queue:change-task-group-priority:-/" + group)
        self.given(self.post(path, {"newPriority": "low"}, by=allowed))


class Cancel(Changes):
    def test_a_group_is_cancelled(self):
        group = slugid()
        nobody = self.caller("some:scope")
        path = "/task-group/%s/cancel" % group
        self.refused(self.post(path, by=nobody), "ResourceNotFound")
        first = self.new_task(taskGroupId=group)
        second = self.new_task(taskGroupId=group, dependencies=[first])
        ended = self.new_task(taskGroupId=group)
        self.given(self.post("/task/%s/cancel" % ended))
        # Before it is asked who wants to know.
        self.refused(self.post(path, by=nobody), "RequestConflict")
        self.given(self.post("/task-group/%s/seal" % group))
        self.refused(self.post(path, by=nobody), "InsufficientScopes")
        allowed = self.caller("queue:cancel-task-group:-/" + group)
        cancelled = self.given(self.post(path, by=allowed))
        self.assertEqual(cancelled, {"taskGroupId": group, "taskGroupSize": 3, "cancelledCount": 2,
                                     "taskIds": sorted([first, second])})
        for task in (first, second):
            self.assertEqual(self.status(task)["runs"][-1]["reasonResolved"], "canceled")
        self.assertEqual(self.given(self.post(path))["taskIds"], [])
        self.assertNotIn(first, self.pending())


class Create(Changes):
    def test_rules_are_looked_at_once_the_caller_may(self):
        nobody = self.caller("some:scope")
        wrong = {"deadline": definition(deadline=in_hours(-1)),
                 "scopes": definition(scopes=["a**"]),
                 "limits": definition(extra={"concurrency": {"key": "k", "limit": 0}})}
        for name, body in wrong.items():
            with self.subTest(rule=name):
                self.refused(self.put("/task/" + slugid(), body, by=nobody), "InsufficientScopes")
                self.refused(self.put("/task/" + slugid(), body), "InputError")

    def test_the_queue_is_looked_at_before(self):
        nobody = self.caller("some:scope")
        for changes in ({"provisionerId": "other", "workerType": "w"}, {"taskQueueId": "no queue"}):
            code = "InputError" if "workerType" in changes else "InputValidationError"
            self.refused(self.put("/task/" + slugid(), definition(**changes), by=nobody), code)

    def test_limits_are_kept_in_the_definition(self):
        task = self.new_task(extra=LIMITED)
        self.assertEqual(self.given(self.get("/task/" + task))["extra"], LIMITED)
        for field, extra in (("extra.concurrency.limit", {"concurrency": {"key": "k"}}),
                             ("extra.resources.cpu", {"resources": {"cpu": "2"}})):
            answer = self.refused(self.put("/task/" + slugid(), definition(extra=extra)),
                                  "InputError")
            self.assertIn(field, answer["message"])


class Pages(Changes):
    def test_a_token_with_illegal_characters_is_refused(self):
        for path in ("/task-group/%s/list", "/task/%s/dependents"):
            with self.subTest(path=path):
                # Before the group or the task is looked for.
                self.refused(self.get((path % slugid()) + "?continuationToken=%21"), "InputError")
        for path in ("/tasks", "/tasks/status"):
            self.refused(self.post(path + "?continuationToken=%21", {"taskIds": []}), "InputError")

    def test_dependents_are_listed_until_they_expire(self):
        task = self.new_task()
        late = self.new_task(dependencies=[task])
        listed = self.given(self.get("/task/%s/dependents" % task))
        self.assertEqual([t["status"]["taskId"] for t in listed["tasks"]], [late])


if __name__ == "__main__":
    unittest.main()
