"""Which messages each call causes, in which order, with which keys and bodies. Every message read
here keeps to its schema (queue_support.Message). Source: spec/events.md, sections 2 and 3. Those of
one task in each of its states are in queue_transitions_test.py."""

import unittest

from contract import quoted
from queue_support import QueueTest, in_hours, slugid

ROUTES = ["index.a.b.c", "notify.x"]
REFERENCE = {"storageType": "reference", "contentType": "text/plain", "url": "https://a.example"}


class Messages(QueueTest):
    def key(self, task, run="_", group="_", worker="_", scheduler="-", task_group=None):
        provisioner, worker_type = self.queue.split("/")
        return ".".join(["primary", task, run, group, worker, provisioner, worker_type, scheduler,
                         task_group or task, "_"])

    def test_life(self):
        """Keys, copies and bodies of the messages about a task that runs once."""
        position = self.now()
        task = self.create(routes=ROUTES, tags={"kind": "x"}, schedulerId="s")
        claim = self.claimed(task)
        self.given(self.say("POST", "/task/%s/runs/0/artifacts/public%%2Fa" % task,
                            {**REFERENCE, "expires": in_hours(1)}, by=claim["by"]))
        self.given(self.report(task, "completed", by=claim["by"]))
        said = self.messages(position, task)
        self.assertEqual([one.exchange for one in said], [
            "task-defined", "task-pending", "task-running", "artifact-created", "task-completed",
            "task-group-resolved"])
        bare = self.key(task, scheduler="s")
        ran = self.key(task, "0", "g", "w", scheduler="s")
        self.assertEqual([one.key for one in said], [
            bare, self.key(task, "0", scheduler="s"), ran, ran, ran, "primary.%s.s._" % task])
        for one in said[:-1]:
            self.assertEqual(one.cc, ["route." + route for route in ROUTES])
        self.assertEqual(said[-1].cc, [])
        for one in said:
            self.assertEqual(one.payload["version"], 1)
            if one.exchange not in ("artifact-created", "task-group-resolved"):
                self.assertEqual(one.payload["task"], {"tags": {"kind": "x"}})
        self.assertEqual([one.payload["status"]["state"] for one in said[:-1]],
                         ["unscheduled", "pending", "running", "running", "completed"])
        self.assertEqual(said[0].payload["status"]["runs"], [])
        self.assertEqual(set(said[2].payload), {"version", "status", "runId", "workerGroup",
                                                "workerId", "takenUntil", "task"})
        self.assertEqual(said[2].payload["takenUntil"], claim["takenUntil"])
        self.assertEqual(set(said[3].payload["artifact"]),
                         {"storageType", "name", "expires", "contentType"})
        group = self.get("/task-group/" + task)
        self.assertEqual(said[5].payload, {"version": 1, **group})

    def test_status_is_that_of_the_transition(self):
        """A run that is retried: the messages of both show the new run."""
        task = self.create()
        self.claimed(task)
        position = self.now()
        answer = self.given(self.report(task, "exception", reason="intermittent-task"))
        said = self.messages(position, task)
        self.assertEqual([repr(one) for one in said], ["task-exception 0", "task-pending 1"])
        for one in said:
            self.assertEqual(one.payload["status"], answer["status"])
        self.assertEqual([one.words[2:5] for one in said], [["0", "g", "w"], ["1", "_", "_"]])

    def test_a_rejected_task(self):
        position, task = self.now(), slugid()
        self.refused(self.say("PUT", "/task/" + task, self.definition(dependencies=[slugid()])),
                     "InputError")
        self.assertEqual(self.texts(position, task), [])

    def test_dependents(self):
        """Of what becomes runnable by it, before the group is told to have resolved."""
        for what, reason in (("completed", None), ("failed", None),
                             ("exception", "internal-error")):
            with self.subTest(what=what):
                first = self.create()
                second = self.create(dependencies=[first], requires="all-resolved")
                self.claimed(first)
                position = self.now()
                self.given(self.report(first, what, reason=reason))
                self.wait_for_state(second, "pending")
                self.assertEqual([(one.exchange, one.words[1])
                                  for one in self.messages(position, first, second)],
                                 [("task-" + what, first), ("task-pending", second),
                                  ("task-group-resolved", first)])

    def test_group_of_several(self):
        group = self.create()
        other = self.create(taskGroupId=group)
        position = self.now()
        self.post("/task/%s/cancel" % other)
        self.assertEqual(self.texts(position, other, group), ["task-exception 0"])
        self.post("/task/%s/cancel" % group)
        self.assertEqual(self.texts(position, other, group)[1:],
                         ["task-exception 0", "task-group-resolved"])
        # "Ever resolved" stays: a rerun's own resolution says it again.
        self.post("/task/%s/rerun" % other)
        position = self.now()
        self.post("/task/%s/cancel" % other)
        self.assertEqual(self.texts(position, other, group),
                         ["task-exception 1", "task-group-resolved"])

    def test_sealing(self):
        group = self.create()
        position = self.now()
        sealed = self.post("/task-group/%s/seal" % group)
        self.assertEqual(self.post("/task-group/%s/seal" % group), sealed)
        said = self.messages(position, group)
        self.assertEqual([repr(one) for one in said], ["task-group-sealed"] * 2)
        for one in said:
            self.assertEqual((one.key, one.cc), ("primary.%s.-._" % group, []))
            self.assertEqual(one.payload, {"version": 1, **sealed})

    def test_cancelled_groups(self):
        """Per cancelled task, with its real tags and priority."""
        group = self.create(tags={"a": "b"}, priority="high")
        waits = self.create(taskGroupId=group, dependencies=[group])
        done = self.resolved(taskGroupId=group)
        self.post("/task-group/%s/seal" % group)
        position = self.now()
        answer = self.post("/task-group/%s/cancel" % group)
        self.assertEqual((answer["taskIds"], answer["cancelledCount"], answer["taskGroupSize"]),
                         (sorted([group, waits]), 2, 3))
        said = self.messages(position, group, waits, done)
        exceptions = {one.words[1]: one for one in said if one.exchange == "task-exception"}
        self.assertEqual(set(exceptions), {group, waits})
        self.assertEqual(exceptions[group].payload["task"], {"tags": {"a": "b"}})
        self.assertEqual(exceptions[group].payload["status"]["priority"], "high")
        self.assertEqual(said[-1].exchange, "task-group-resolved")
        position = self.now()
        self.assertEqual(self.post("/task-group/%s/cancel" % group)["taskIds"], [])
        self.assertEqual(self.texts(position, group, waits, done), [])

    def test_priorities(self):
        group = self.create(priority="low")
        member = self.create(taskGroupId=group, priority="high")
        position = self.now()
        self.post("/task/%s/priority" % group, {"newPriority": "medium"})
        self.post("/task-group/%s/priority" % group, {"newPriority": "high"})
        self.post("/task-group/%s/priority" % group, {"newPriority": "high"})
        task, first, second = self.messages(position, group, member)
        self.assertEqual((task.exchange, task.words[2:5]), ("task-priority-changed", ["_"] * 3))
        self.assertEqual((task.payload["oldPriority"], task.payload["newPriority"]),
                         ("low", "medium"))
        for one, affected in ((first, 1), (second, 0)):
            self.assertEqual((one.exchange, one.key, one.cc), (
                "task-group-priority-changed", "primary.%s.-._" % group, []))
            self.assertEqual(one.payload, {"version": 1, "taskGroupId": group, "schedulerId": "-",
                                           "newPriority": "high", "tasksAffected": affected})

    def test_claim_work(self):
        tasks = [self.create() for _ in range(3)]
        position = self.now()
        self.assertEqual(self.claims(tasks=3), tasks)
        # Of several tasks in any order.
        self.assertCountEqual(
            [(repr(one), one.words[1]) for one in self.messages(position, *tasks)],
            [("task-running 0", task) for task in tasks])

    def test_artifacts(self):
        """Of each type, and of repeats; of s3 never. Of objects: queue_cascades_test.py."""
        task = self.create()
        claim = self.claimed(task)
        position = self.now()
        bodies = [REFERENCE, {"storageType": "link", "artifact": "a"},
                  {"storageType": "error", "reason": "invalid-resource-on-worker", "message": "m"},
                  {"storageType": "s3", "contentType": "text/plain"}]
        for body in bodies:
            for _ in range(2):
                self.post("/task/%s/runs/0/artifacts/%s" % (task, body["storageType"]),
                          {**body, "expires": self.get("/task/" + task)["deadline"]},
                          by=claim["by"])
        said = self.messages(position, task)
        self.assertEqual([one.payload["artifact"]["storageType"] for one in said],
                         ["reference"] * 2 + ["link"] * 2 + ["error"] * 2)
        self.assertEqual({one.exchange for one in said}, {"artifact-created"})

    def test_nothing_is_said(self):
        task = self.create()
        claim = self.claimed(task)
        position = self.now()
        self.post("/task/%s/runs/0/reclaim" % task, by=claim["by"])
        provisioner, worker_type = self.queue.split("/")
        names = (provisioner, worker_type)
        self.put("/provisioners/%s/worker-types/%s/g/d" % names, {"expires": in_hours(1)})
        self.put("/provisioners/%s/worker-types/%s/workers/g/d" % names,
                 {"quarantineUntil": in_hours(1)})
        self.get("/task-queues/%s/counts" % quoted(self.queue))
        self.assertEqual(self.texts(position), [])


if __name__ == "__main__":
    unittest.main()
