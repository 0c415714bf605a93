"""Task queues, workers and provisioners, what waits and what is held, many at once and in pages.
Source: spec/queue.md, sections 10, 11 and 13."""

import unittest

from contract import quoted
from platform_under_test import wait_until
from queue_support import QueueTest, in_hours, in_seconds, slugid


class Metadata(QueueTest):
    def setUp(self):
        super().setUp()
        self.provisioner, self.worker_type = self.queue.split("/")
        self.types = "/provisioners/%s/worker-types" % self.provisioner
        self.workers = "%s/%s/workers" % (self.types, self.worker_type)

    def declare(self, worker, expires=None, queue=None, by=None):
        provisioner, worker_type = (queue or self.queue).split("/")
        return self.say("PUT", "/provisioners/%s/worker-types/%s/g/%s" % (
            provisioner, worker_type, worker), {"expires": expires or in_hours(30)}, by=by)

    def paged(self, path, key, limit=2):
        found, query = [], "?limit=%d" % limit
        while query:
            page = self.get(path + query)
            self.assertLessEqual(len(page[key]), limit)
            found += page[key]
            token = page.get("continuationToken")
            query = token and "?limit=%d&continuationToken=%s" % (limit, quoted(token))
        return found

    def test_a_queue_is_known_once_it_is_asked(self):
        self.create()
        paths = ["/task-queues/" + quoted(self.queue), "/provisioners/" + self.provisioner,
                 "%s/%s" % (self.types, self.worker_type)]
        for path in paths:
            self.refused(self.say("GET", path), "ResourceNotFound")
        self.claims(worker="w1")
        queue, provisioner, worker_type = (self.get(path) for path in paths)
        self.assertEqual(queue["taskQueueId"], self.queue)
        for one in (queue, provisioner, worker_type):
            self.assertEqual((one["stability"], one["description"]), ("experimental", ""))
            self.assertTrue(in_hours(23.9) < one["expires"] < in_hours(24.1), one["expires"])
            self.assertLess(one["lastDateActive"], in_seconds(5))
        self.assertEqual((worker_type["provisionerId"], worker_type["workerType"]),
                         (self.provisioner, self.worker_type))
        self.assertIn(queue, self.get("/task-queues")["taskQueues"])
        self.assertIn(provisioner, self.get("/provisioners")["provisioners"])
        self.assertEqual(self.get(self.types)["workerTypes"], [worker_type])
        # A raw slash meets no route.
        answer = self.say("GET", "/task-queues/" + self.queue)
        self.assertEqual((answer.status, answer.json), (404, {"error": "Not found"}))

    def test_a_worker_is_known_once_it_asks(self):
        self.refused(self.say("GET", self.workers + "/g/w"), "ResourceNotFound")
        tasks = [self.create() for _ in range(3)]
        self.assertEqual([self.claims() for _ in tasks], [[task] for task in tasks])
        self.wait_for_recent(tasks)
        worker = self.get(self.workers + "/g/w")
        self.assertEqual(worker["recentTasks"], [{"taskId": task, "runId": 0} for task in tasks])
        self.assertEqual((worker["taskQueueId"], worker["workerGroup"], worker["workerId"]),
                         (self.queue, "g", "w"))
        self.assertLess(worker["quarantineUntil"], in_hours(-24 * 365 * 9))
        self.assertTrue(in_hours(23.9) < worker["expires"] < in_hours(24.1), worker["expires"])
        one, = self.get(self.workers)["workers"]
        self.assertEqual(one["latestTask"], {"taskId": tasks[-1], "runId": 0})
        self.assertNotIn("quarantineUntil", one)

    def wait_for_recent(self, tasks):
        """Each task tells its worker by itself: of claims in one answer in any order."""
        def told():
            recent = self.get(self.workers + "/g/w")["recentTasks"]
            return [one["taskId"] for one in recent] == tasks

        wait_until(told, "the worker's recent tasks to be %s" % tasks)

    def test_recent_tasks(self):
        tasks = [self.create() for _ in range(25)]
        self.assertEqual([self.claims() for _ in tasks], [[task] for task in tasks])
        self.wait_for_recent(tasks[-20:])

    def test_declared_workers(self):
        expires = in_hours(30)
        made = self.given(self.declare("d", expires))
        self.assertEqual((made["expires"], made["recentTasks"]), (expires, []))
        self.assertEqual(self.get(self.workers + "/g/d"), made)
        self.assertEqual(self.get("/task-queues/" + quoted(self.queue))["expires"], expires)
        # Never shortened.
        self.assertEqual(self.given(self.declare("d", in_hours(1)))["expires"], expires)
        self.refused(self.declare("new", in_seconds(-60)), "InputError")
        path = "%s/%s/g/d" % (self.types, self.worker_type)
        for body in ({"expires": "soon"}, {"more": 1}, {"expires": expires, "more": 1}):
            self.refused(self.say("PUT", path, body), "InputValidationError")
        scope = "queue:declare-worker:%s/g/d#expires" % self.queue
        self.given(self.declare("d", by=self.caller(scope)))
        self.refused(self.declare("d", by=self.caller(scope + "x")), "InsufficientScopes")

    def test_claim_task_makes_no_worker(self):
        self.claimed(self.create())
        self.refused(self.say("GET", self.workers + "/g/w"), "ResourceNotFound")
        queue = self.get("/task-queues/" + quoted(self.queue))
        self.assertTrue(in_hours(119) < queue["expires"] < in_hours(121), queue["expires"])

    def test_pages(self):
        half = self.provisioner
        queues = sorted("%s/t%d" % (half, i) for i in range(5))
        for queue in queues:
            self.given(self.declare("d", queue=queue))
        for name in range(5):
            self.given(self.declare("w%d" % name))
        self.assertEqual([one["taskQueueId"] for one in self.paged(self.types, "workerTypes")],
                         sorted([*queues, self.queue]))
        found = [one["taskQueueId"] for one in self.paged("/task-queues", "taskQueues")]
        self.assertEqual(found, sorted(found))
        self.assertLessEqual({*queues, self.queue}, set(found))
        self.assertEqual([one["workerId"] for one in self.paged(self.workers, "workers")],
                         ["w%d" % i for i in range(5)])
        others = ["%s%d" % (half, i) for i in range(4)]
        for one in others:
            self.given(self.declare("d", queue=one + "/w"))
        found = [one["provisionerId"] for one in self.paged("/provisioners", "provisioners")]
        self.assertEqual(found, sorted(set(found)))
        self.assertLessEqual({half, *others}, set(found))
        for path in (self.types, "/task-queues", self.workers, "/provisioners"):
            empty = self.get(path + "?limit=0")
            self.assertEqual([value for value in empty.values()], [[]])
            self.refused(self.say("GET", path + "?limit=x"), "InvalidRequestArguments")
            self.refused(self.say("GET", path + "?unknown=1"), "InvalidRequestArguments")
        self.refused(self.say("GET", self.workers + "?quarantined=yes"), "InvalidRequestArguments")

    def test_what_waits(self):
        name = quoted(self.queue)
        counts = {"provisionerId": self.provisioner, "workerType": self.worker_type,
                  "taskQueueId": self.queue, "pendingTasks": 0}
        self.assertEqual(self.get("/pending/" + name), counts)
        for path in ("/pending", "/claimed"):
            self.assertEqual(self.get("/task-queues/" + name + path), {"tasks": []})
        tasks = [self.create(priority=p) for p in ("low", "high", "medium")]
        self.create(dependencies=[tasks[0]])
        waiting = self.paged("/task-queues/%s/pending" % name, "tasks")
        self.assertEqual([one["taskId"] for one in waiting], tasks)
        self.assertEqual(waiting[0]["task"], self.get("/task/" + tasks[0]))
        self.assertEqual(self.get("/pending/" + self.queue)["pendingTasks"], 3)
        self.assertEqual(self.claims() + self.claims(), [tasks[1], tasks[2]])
        wait_until(lambda: self.get("/task-queues/%s/counts" % name) == {
            **counts, "pendingTasks": 1, "claimedTasks": 2}, "the claims to count")
        held = self.paged("/task-queues/%s/claimed" % name, "tasks", limit=1)
        self.assertEqual([one["taskId"] for one in held], [tasks[1], tasks[2]])
        self.assertEqual((held[0]["workerGroup"], held[0]["workerId"], held[0]["runId"]),
                         ("g", "w", 0))
        self.post("/task/%s/runs/0/reclaim" % tasks[1])
        held = self.get("/task-queues/%s/claimed" % name)["tasks"]
        self.assertEqual([one["taskId"] for one in held], [tasks[2], tasks[1]])
        self.given(self.report(tasks[1], "exception", reason="worker-shutdown"))
        self.given(self.report(tasks[2], "completed"))
        wait_until(lambda: self.get("/task-queues/%s/counts" % name) == {
            **counts, "pendingTasks": 2, "claimedTasks": 0}, "the counts")

    def test_many_at_once(self):
        tasks = [self.create() for _ in range(3)]
        asked = {"taskIds": [*tasks, tasks[0], slugid(), "no id"]}
        for path, key, inner, one in (("/tasks", "tasks", "task", "/task/%s"),
                                      ("/tasks/status", "statuses", "status", None)):
            found = {row["taskId"]: row[inner] for row in self.post(path, asked)[key]}
            self.assertEqual(set(found), set(tasks))
            wanted = self.get(one % tasks[0]) if one else self.status(tasks[0])
            self.assertEqual(found[tasks[0]], wanted)
            self.assertEqual(self.post(path, {}), {key: []})
            collected, query = [], "?limit=2"
            while query:
                page = self.post(path + query, asked)
                collected += [row["taskId"] for row in page[key]]
                token = page.get("continuationToken")
                query = token and "?limit=2&continuationToken=" + quoted(token)
            self.assertCountEqual(collected, tasks)
            # A page that is not full, or with unknown ids alone behind it, is the last.
            for limit in (1, 2):
                unknown = {"taskIds": [slugid() for _ in range(3)]}
                self.assertEqual(self.post("%s?limit=%d" % (path, limit), unknown), {key: []})
            page = self.post(path + "?limit=3", asked)
            self.assertNotIn("continuationToken", page)
            self.refused(self.say("POST", path, asked, by=self.nobody), "InsufficientScopes")
            self.assertEqual(self.post(path, {"taskIds": []}, by=self.nobody), {key: []})

    def test_groups(self):
        group = slugid()
        tasks = sorted(self.create(taskGroupId=group) for _ in range(5))
        found = self.paged("/task-group/%s/list" % group, "tasks")
        self.assertEqual([one["status"]["taskId"] for one in found], tasks)
        self.assertEqual(found[0]["task"], self.get("/task/" + tasks[0]))
        record = self.get("/task-group/" + group)
        self.assertEqual(set(record), {"taskGroupId", "schedulerId", "expires"})
        whole = self.get("/task-group/%s/list" % group)
        self.assertEqual({key: whole[key] for key in record}, record)
        self.refused(self.say("GET", "/task-group/%s/list?continuationToken=!" % group),
                     "InputError")
        unknown = slugid()
        for verb, path, body in (("GET", "", None), ("GET", "/list", None), ("POST", "/seal", None),
                                 ("POST", "/cancel", None),
                                 ("POST", "/priority", {"newPriority": "low"})):
            with self.subTest(path=path):
                self.refused(self.say(verb, "/task-group/" + unknown + path, body),
                             "ResourceNotFound")
        # Not sealed: told before who may.
        self.refused(self.say("POST", "/task-group/%s/cancel" % group, by=self.nobody),
                     "RequestConflict")
        for path, body in (("/seal", None), ("/priority", {"newPriority": "low"})):
            self.refused(self.say("POST", "/task-group/" + group + path, body, by=self.nobody),
                         "InsufficientScopes")
        self.refused(self.say("POST", "/task-group/%s/priority" % group, {"newPriority": "normal"}),
                     "InputValidationError")
        self.post("/task-group/%s/seal" % group)
        self.refused(self.say("POST", "/task-group/%s/cancel" % group, by=self.nobody),
                     "InsufficientScopes")


if __name__ == "__main__":
    unittest.main()
