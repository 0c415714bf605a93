"""Workers, task queues and what both are grouped by. Source: spec/queue.md, 10 and 11."""

import datetime
import unittest

import hawk
from contract import quoted
from platform_under_test import wait_until
from queue_support import QueueTest, in_hours

CLAIM_SECONDS = 1200


def days_from_now(time):
    then = datetime.datetime.fromisoformat(time.replace("Z", "+00:00"))
    return (then - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 86_400


class Workers(QueueTest):
    def setUp(self):
        super().setUp()
        self.prov, self.kind = self.queue.split("/")

    def path(self, worker="w", prov=None, kind=None):
        return "/provisioners/%s/worker-types/%s/workers/g/%s" % (
            prov or self.prov, kind or self.kind, worker)

    def declared(self, worker="w", prov=None, kind=None, hours=1, by=None):
        path = self.path(worker, prov, kind).replace("/workers/", "/")
        return self.say("PUT", path, {"expires": in_hours(hours)}, by=by)

    def declare(self, *args, **how):
        return self.given(self.declared(*args, **how))

    def listed(self, query=""):
        return self.get(self.path("")[:-len("/g/")] + query)

    def ids(self, query=""):
        return [worker["workerId"] for worker in self.listed(query)["workers"]]

    def pages(self, path, name, limit=1):
        """All items of a list, page by page, and how many pages that took."""
        found, pages, query = [], 0, "limit=%d" % limit
        while True:
            page = self.get("%s%s%s" % (path, "&" if "?" in path else "?", query))
            found += page[name]
            pages += 1
            if "continuationToken" not in page:
                return found, pages
            query = "limit=%d&continuationToken=%s" % (limit, quoted(page["continuationToken"]))

    def test_declare(self):
        made = self.declare()
        self.assertEqual((made["taskQueueId"], made["workerGroup"], made["workerId"]),
                         (self.queue, "g", "w"))
        self.assertEqual(made["recentTasks"], [])
        self.assertAlmostEqual(days_from_now(made["quarantineUntil"]) / 365.25, -10, 1)
        self.assertEqual(made["lastDateActive"], made["firstClaim"])
        self.assertEqual(self.get(self.path()), made)
        longer = self.declare(hours=2)
        self.assertGreater(longer["expires"], made["expires"])
        self.assertEqual(self.declare(hours=1)["expires"], longer["expires"])
        self.assertEqual(longer["firstClaim"], made["firstClaim"])
        queue = self.get("/task-queues/" + quoted(self.queue))
        self.assertEqual(queue["expires"], longer["expires"])

    def test_refused_declarations(self):
        self.refused(self.declared(hours=-1), "InputError")
        self.refused(self.declared(kind="Upper"), "InputError")
        path = self.path().replace("/workers/", "/")
        for body in ({}, {"expires": "soon"}, {"expires": in_hours(1), "capacity": 1}):
            self.refused(self.say("PUT", path, body), "InputValidationError")
        scope = "queue:declare-worker:%s/%s/g/w#" % (self.prov, self.kind)
        self.refused(self.declared(by=self.caller(scope + "capacity")), "InsufficientScopes")
        self.refused(self.say("GET", self.path()), "ResourceNotFound")
        self.given(self.declared(by=self.caller(scope + "expires")))

    def wait_for_recent(self, *tasks):
        """Each task tells its worker by itself, a moment after it was claimed, in any order."""
        def told():
            recent = self.get(self.path())["recentTasks"]
            return sorted(run["taskId"] for run in recent) == sorted(tasks)

        wait_until(told, "the worker's recent tasks to be %s" % (tasks,))

    def test_a_claim_is_seen(self):
        for path in (self.path(), "/task-queues/" + quoted(self.queue),
                     "/provisioners/" + self.prov):
            self.refused(self.say("GET", path), "ResourceNotFound")
        tasks = [self.create() for _ in range(2)]
        self.assertEqual(self.claims(tasks=2), tasks)
        self.wait_for_recent(*tasks)
        worker = self.get(self.path())
        self.assertAlmostEqual(days_from_now(worker["expires"]), 1, 2)
        self.assertIn("lastDateActive", worker)
        listed, = self.listed()["workers"]
        self.assertEqual(listed["latestTask"], worker["recentTasks"][-1])
        self.assertNotIn("quarantineUntil", listed)
        for path in ("/task-queues/" + quoted(self.queue),
                     "/provisioners/%s/worker-types/%s" % (self.prov, self.kind),
                     "/provisioners/" + self.prov):
            record = self.get(path)
            self.assertEqual((record["stability"], record["description"]), ("experimental", ""))
            self.assertAlmostEqual(days_from_now(record["expires"]), 1, 2)

    def test_a_queue_is_noted_now_and_then(self):
        """What keeps it longer waits for its turn, too."""
        self.claims()
        self.claimed(self.create())
        queue = self.get("/task-queues/" + quoted(self.queue))
        self.assertAlmostEqual(days_from_now(queue["expires"]), 1, 2)

    def test_claim_task_makes_no_worker(self):
        task = self.create()
        self.refused(self.say("GET", "/task-queues/" + quoted(self.queue)), "ResourceNotFound")
        self.claimed(task)
        queue = self.get("/task-queues/" + quoted(self.queue))
        self.assertAlmostEqual(days_from_now(queue["expires"]), 5, 2)
        self.refused(self.say("GET", self.path()), "ResourceNotFound")
        self.refused(self.say("PUT", self.path(), {"quarantineUntil": in_hours(1)}),
                     "ResourceNotFound")
        self.assertEqual(self.ids(), [])
        # Of a worker that is known the task is noted.
        self.declare()
        other = self.create()
        self.claimed(other)
        self.wait_for_recent(other)

    def test_pages_of_workers(self):
        names = ["w%d" % i for i in range(5)]
        for name in names:
            self.declare(name)
        self.put(self.path("w3"), {"quarantineUntil": in_hours(1)})
        whole = self.path("")[:-len("/g/")]
        found, pages = self.pages(whole, "workers", 2)
        self.assertEqual(([worker["workerId"] for worker in found], pages), (names, 3))
        # Filtered once they are cut.
        found, pages = self.pages(whole + "?quarantined=true", "workers", 2)
        self.assertEqual(([worker["workerId"] for worker in found], pages), (["w3"], 3))
        self.assertEqual(self.ids("?quarantined=false"), ["w0", "w1", "w2", "w4"])
        self.assertEqual(self.listed("?limit=0"), {"workers": []})
        self.refused(self.say("GET", whole + "?quarantined=yes"), "InvalidRequestArguments")
        self.refused(self.say("GET", whole + "?continuationToken=%25"), "InputError")

    def test_provisioners_and_worker_types(self):
        for kind, hours in (("b", 1), ("a", 3)):
            self.declare(kind=kind, hours=hours)
        others = [self.prov + more for more in ("-2", "-2-x", "-3-x", "0")]
        for other in others:
            self.declare(prov=other)
        types, pages = self.pages("/provisioners/%s/worker-types" % self.prov, "workerTypes")
        self.assertEqual(([one["workerType"] for one in types], pages), (["a", "b"], 2))
        self.assertEqual(types[0]["taskQueueId"], self.prov + "/a")
        self.assertEqual(self.get("/provisioners/" + self.prov)["expires"], types[0]["expires"])
        for path, name, key in (("/provisioners", "provisioners", "provisionerId"),
                                ("/task-queues", "taskQueues", "taskQueueId")):
            found = [one[key] for one in self.get(path)[name]]
            self.assertEqual(found, sorted(set(found)))
            paged, _ = self.pages(path, name)
            self.assertEqual([one[key] for one in paged], found)
            self.assertEqual(self.get(path + "?limit=0"), {name: []})
            self.refused(self.say("GET", path + "?continuationToken=%25"), "InputError")
        names = [one["provisionerId"] for one in self.get("/provisioners")["provisioners"]]
        self.assertEqual([name for name in names if name.startswith(self.prov)],
                         [self.prov, *others])

    def test_counts(self):
        path = "/task-queues/%s/counts" % quoted(self.queue)
        counts = self.get(path)
        self.assertEqual((counts["pendingTasks"], counts["claimedTasks"]), (0, 0))
        tasks = [self.create() for _ in range(3)]
        self.assertEqual(self.get("/pending/" + self.queue)["pendingTasks"], 3)
        self.claims(tasks=2)
        # Its worker hears of a claim a moment after who has made it.
        wait_until(lambda: self.get(path)["claimedTasks"] == 2, "both claims to count")
        counts = self.get(path)
        self.assertEqual((counts["pendingTasks"], counts["claimedTasks"]), (1, 2))
        self.assertEqual((counts["taskQueueId"], counts["provisionerId"], counts["workerType"]),
                         (self.queue, self.prov, self.kind))
        self.given(self.report(tasks[0], "completed"))
        self.assertEqual(self.get("/pending/" + quoted(self.queue))["pendingTasks"], 1)

    def test_ids_that_no_queue_has(self):
        for queue in ("a", "a/b/c", "a//b", "a/b/", "a%2Fb%2Fc", "a/B"):
            for path in ("/task-queues/%s/counts", "/task-queues/%s/pending",
                         "/task-queues/%s/claimed", "/pending/%s"):
                with self.subTest(path=path % queue):
                    self.refused(self.say("GET", path % queue), "InvalidRequestArguments")

    def test_claimed(self):
        path = "/task-queues/%s/claimed" % quoted(self.queue)
        self.assertEqual(self.get(path), {"tasks": []})
        first, second = self.create(), self.create()
        for task in (first, second):
            self.claimed(task)
        wait_until(lambda: len(self.get(path)["tasks"]) == 2, "both claims to be listed")
        self.assertEqual([one["taskId"] for one in self.get(path)["tasks"]], [first, second])
        self.post("/task/%s/runs/0/reclaim" % first)
        whole = self.get(path)["tasks"]
        self.assertEqual([one["taskId"] for one in whole], [second, first])
        self.assertEqual((whole[0]["workerGroup"], whole[0]["workerId"]), ("g", "w"))
        self.assertEqual(self.pages(path, "tasks"), (whole, 2))
        self.assertEqual(self.get(path + "?limit=0"), {"tasks": []})

    def test_when_it_was_claimed(self):
        """`claimed` is the time of the last claim or reclaim, and what orders the list: as long
        before `takenUntil` as a claim lasts, in whichever answer that is."""
        path = "/task-queues/%s/claimed" % quoted(self.queue)
        tasks = [self.create() for _ in range(3)]
        claims = {task: self.claimed(task) for task in tasks}

        def listed():
            return {one["taskId"]: hawk.time_ms(one["claimed"]) for one in self.get(path)["tasks"]}

        def check(order):
            times = listed()
            self.assertEqual(list(times), order)
            self.assertEqual(sorted(times.values()), list(times.values()))
            group = {one["status"]["taskId"]: one["status"] for task in order
                     for one in self.get("/task-group/%s/list" % task)["tasks"]}
            for task in order:
                run = self.status(task)["runs"][0]
                self.assertEqual(group[task]["runs"][0], run)
                self.assertEqual(hawk.time_ms(run["takenUntil"]) - times[task],
                                 CLAIM_SECONDS * 1000)
            return times

        wait_until(lambda: len(listed()) == 3, "all claims to be listed")
        before = check(tasks)
        for task in tasks:
            self.assertEqual(hawk.time_ms(claims[task]["takenUntil"]) - before[task],
                             CLAIM_SECONDS * 1000)
        # The same claim once more is the same claim.
        again = self.given(self.claim_task(tasks[1]))
        self.assertEqual(again["takenUntil"], claims[tasks[1]]["takenUntil"])
        self.assertEqual(check(tasks), before)
        renewed = self.post("/task/%s/runs/0/reclaim" % tasks[0])
        after = check([*tasks[1:], tasks[0]])
        self.assertGreater(after[tasks[0]], before[tasks[0]])
        self.assertEqual(hawk.time_ms(renewed["takenUntil"]) - after[tasks[0]],
                         CLAIM_SECONDS * 1000)
        started = hawk.time_ms(self.status(tasks[0])["runs"][0]["started"])
        self.assertLess(started, after[tasks[0]])  # the run began once
        # What has ended is in no claim; its run keeps what it said.
        self.given(self.report(tasks[1], "completed"))
        self.assertEqual(list(listed()), [tasks[2], tasks[0]])
        self.assertEqual(self.status(tasks[1])["runs"][0]["takenUntil"], again["takenUntil"])

    def test_who_may(self):
        self.declare()
        queue, typed = quoted(self.queue), self.prov + "/" + self.kind
        types = "/provisioners/%s/worker-types" % self.prov
        for path, *scopes in (
                ("/provisioners", "list-provisioners"),
                ("/provisioners/" + self.prov, "get-provisioner:" + self.prov),
                (types, "list-worker-types:" + self.prov),
                (types + "/" + self.kind, "get-worker-type:" + typed),
                (types + "/%s/workers" % self.kind, "list-workers:" + typed),
                (self.path(), "get-worker:%s/g/w" % typed),
                ("/task-queues", "list-task-queues"),
                ("/task-queues/" + queue, "get-task-queue:" + self.queue),
                ("/task-queues/%s/counts" % queue, "pending-count:" + self.queue,
                 "claimed-count:" + self.queue),
                ("/task-queues/%s/claimed" % queue, "claimed-list:" + self.queue),
                ("/pending/" + queue, "pending-count:" + self.queue)):
            with self.subTest(path=path):
                scopes = ["queue:" + scope for scope in scopes]
                self.refused(self.say("GET", path, by=self.caller("some:scope", *scopes[1:])),
                             "InsufficientScopes")
                self.get(path, by=self.caller(*scopes))


if __name__ == "__main__":
    unittest.main()
