"""Lists that come in pages: Troupe's own over Cap'n Proto RPC, and those that end a page early since
what it has is large. Source: schema/api/troupe.capnp."""

import asyncio
import time
import unittest

import rpc
from contract import quoted
from platform_under_test import wait_until
from queue_support import TROUPE, QueueTest, in_hours, slugid

ROWS_MAX = 1_000  # of a page
MIB = 1 << 20
PAGE_BYTES_MAX = 8 * MIB  # of definitions, apps/troupe/server/short_page.h


class Pages(QueueTest):
    def asked(self, method, **arguments):
        return rpc.ask(self.server.rpc_port(), self.root.credentials, method, **arguments)

    def pages(self, method, field, **arguments):
        """The pages of a list of one of Troupe's methods."""
        pages, token = [], ""
        while token or not pages:
            answer = self.asked(method, continuationToken=token, **arguments)
            pages.append(answer[field])
            token = answer.get("continuationToken", "")
        return pages

    def declare(self, worker, queue=None):
        provisioner, kind = (queue or self.queue).split("/")
        self.put("/provisioners/%s/worker-types/%s/g/%s" % (provisioner, kind, worker),
                 {"expires": in_hours(1)})

    async def declare_many(self, workers):
        connection = await rpc.Connection.dial(self.server.rpc_port())
        queue = await connection.queue(self.root.credentials)
        provisioner, kind = self.queue.split("/")
        await asyncio.gather(*[rpc.call(queue.declareWorker(
            provisionerId=provisioner, workerType=kind, workerGroup="g", workerId=worker,
            request={"expires": round(time.time() + 3600) * 1000})) for worker in workers])

    def ids(self, pages):
        return [[worker["workerId"] for worker in page] for page in pages]

    def test_tokens_that_no_page_has(self):
        for method in ("listTasks", "listTaskGroups", "listQueues", "listWorkers",
                       "listDeadLetters"):
            for token in ("%", "a b", "\u00e9"):
                with self.subTest(method, token=token):
                    with self.assertRaises(rpc.Refused) as caught:
                        self.asked(method, continuationToken=token)
                    self.assertEqual(caught.exception.code, "InputError")

    def test_workers(self):
        for worker in "abc":
            self.declare(worker)
        pages = self.pages("listWorkers", "workers", taskQueueId=self.queue, limit=2)
        self.assertEqual(self.ids(pages), [["a", "b"], ["c"]])
        self.assertEqual(self.asked("listWorkers", taskQueueId=self.queue, limit=0)["workers"], [])

    def test_one_worker(self):
        for worker in "ab":
            self.declare(worker)
        name = {"taskQueueId": self.queue, "workerGroup": "g", "workerId": "b"}
        self.assertEqual(self.ids(self.pages("listWorkers", "workers", **name)), [["b"]])
        for other in ({"workerId": "c"}, {"workerId": "b\0"}, {"workerGroup": "h"}):
            self.assertEqual(self.pages("listWorkers", "workers", **{**name, **other}), [[]])
        for left_out in name:
            with self.assertRaises(rpc.Refused) as caught:
                self.asked("listWorkers", **{field: name[field] for field in name
                                             if field != left_out})
            self.assertEqual(caught.exception.code, "InputError")

    def test_the_command_line_knows_one_behind_the_first_page(self):
        rpc.run(self.declare_many(["w%d" % number for number in range(ROWS_MAX)] + ["z"]))
        name = self.queue + "/g/z"
        self.server.run("worker", "quarantine", name, "--for", "2h", "--reason", "hot")
        self.assertIn("stays beneath", self.server.run("worker", "drain", name))
        self.assertIn("but in quarantine until", self.server.run("worker", "resume", name))
        for command in (("worker", "show", "z"), ("worker", "show", "g/z"),
                        ("explain", "g/z"), ("worker", "list", "--queue", self.queue)):
            self.assertIn("hot", self.server.run(*command), command)

    def test_queues(self):
        queues = [self.queue + end for end in "abc"]
        for queue in queues:
            self.declare("w", queue)
        pages = self.pages("listQueues", "queues", limit=1)
        self.assertEqual({len(page) for page in pages}, {1})
        listed = [page[0]["taskQueueId"] for page in pages]
        self.assertEqual(listed, sorted(listed))
        self.assertEqual([queue for queue in listed if queue in queues], queues)
        one = self.pages("listQueues", "queues", taskQueueId=queues[1])
        self.assertEqual([queue["taskQueueId"] for queue in one[0]], queues[1:2])
        self.assertEqual(self.asked("listQueues", taskQueueId="no/such")["queues"], [])
        self.assertEqual(self.asked("listQueues", limit=0)["queues"], [])


class LargePages(QueueTest):
    """Definitions that are too large together for one answer: none is larger than a page may be
    but one, which is a page of its own."""

    SIZES = (9 * MIB, 3 * MIB, 3 * MIB, 3 * MIB, 3 * MIB)

    def setUp(self):
        super().setUp()
        self.group, self.first = slugid(), self.create()
        self.tasks = {self.create_large(size): size for size in self.SIZES}

    def create_large(self, size):
        return self.create(taskGroupId=self.group, dependencies=[self.first],
                           payload={"text": "x" * size})

    def check(self, ask):
        """All are in the list, once; `ask(query)` gives the ids of a page, and its token."""
        seen, query = [], ""
        while True:
            ids, token = ask(query)
            size = sum(self.tasks[task] for task in ids)
            self.assertTrue(size <= PAGE_BYTES_MAX or len(ids) == 1, (len(ids), size))
            self.assertGreater(len(ids), 0)
            seen += ids
            if token is None:
                break
            query = "?continuationToken=" + quoted(token)
        self.assertEqual(sorted(seen), sorted(self.tasks))

    def test_groups_and_dependents(self):
        for path in ("/task-group/%s/list" % self.group, "/task/%s/dependents" % self.first):
            def ask(query):
                page = self.get(path + query)
                return ([one["status"]["taskId"] for one in page["tasks"]],
                        page.get("continuationToken"))
            self.check(ask)

    def test_many_by_their_ids(self):
        def ask(query):
            page = self.post("/tasks" + query, {"taskIds": list(self.tasks)})
            return [one["taskId"] for one in page["tasks"]], page.get("continuationToken")
        self.check(ask)
        page = self.post("/tasks/status", {"taskIds": list(self.tasks)})
        self.assertEqual(len(page["statuses"]), len(self.tasks))  # these are small

    def test_what_waits_and_what_is_held(self):
        self.resolve_first()
        pending = "/task-queues/%s/pending" % quoted(self.queue)
        claimed = "/task-queues/%s/claimed" % quoted(self.queue)
        for path in (pending, claimed):
            def ask(query):
                page = self.get(path + query)
                return [one["taskId"] for one in page["tasks"]], page.get("continuationToken")
            self.check(ask)
            if path == pending:
                for task in self.tasks:
                    self.claimed(task)
                counts = "/task-queues/%s/counts" % quoted(self.queue)
                wait_until(lambda: self.get(counts)["claimedTasks"] == len(self.tasks),
                           "the claims to count")

    def resolve_first(self):
        claim = self.claimed(self.first)
        self.given(self.report(self.first, "completed", by=claim["by"]))
        for task in self.tasks:
            self.wait_for_state(task, "pending")

    def test_a_search(self):
        def ask(query):
            query = query.replace("?", "&")
            page = self.given(self.root.get("/tasks?taskGroupId=%s%s" % (self.group, query),
                                            api=TROUPE))
            return ([one["status"]["taskId"] for one in page["tasks"]],
                    page.get("continuationToken"))
        self.check(ask)


if __name__ == "__main__":
    unittest.main()
