"""A worker over Cap'n Proto RPC, by pycapnp: claims in lists, many reports in one call, offers of
resources. Source: schema/rpc/worker.capnp."""

import asyncio
import unittest

import capnp
import rpc
from contract import ContractTest, quoted
from queue_support import QUEUE, definition, slugid
from rpc import Connection, Refused, call

SECONDS_MAX = 120


class Sink(rpc.server_of("workers", "register", "sink")):
    """Keeps what it is pushed."""

    def __init__(self):
        self.held = []
        self.claims = {}  # by task
        self.came = asyncio.Event()
        self.answers = asyncio.Event()  # cleared: pushes wait for their answers
        self.answers.set()

    async def push(self, offers, **_):
        self.held += [offer.held.to_dict() for offer in offers]
        self.claims.update((offer.held.taskId, offer.claim) for offer in offers)
        self.came.set()
        await self.answers.wait()

    async def revoke(self, **_):
        pass

    async def displaced(self, **_):
        pass


class Worker(ContractTest):
    def run_async(self, coroutine):
        async def inside():
            async with capnp.kj_loop():
                await asyncio.wait_for(coroutine, SECONDS_MAX)

        asyncio.run(inside())

    def setUp(self):
        self.queue = self.unique("rpc/queue")

    def new_task(self, **changes):
        task = slugid()
        made = self.root.put("/task/" + task, definition(self.queue, **changes),
                             api=QUEUE)
        self.assertEqual(made.status, 200, made)
        return task

    def state(self, task):
        return self.root.get("/task/%s/status" % task, api=QUEUE).json["status"]["state"]

    async def register(self, name="w", credentials=None, **info):
        connection = await Connection.dial(self.server.rpc_port())
        self.kept_open = getattr(self, "kept_open", []) + [connection]
        session = await connection.authenticate(credentials or self.root.credentials)
        workers = (await call(session.workers())).workers
        sink = Sink()
        answer = await call(workers.register(
            info={"taskQueueId": self.queue, "workerGroup": "g", "workerId": name, "capacity": 5,
                  "process": 1, **info}, held=[], sink=sink))
        return sink, answer.registration

    async def given(self, sink, count):
        while len(sink.held) < count:
            sink.came.clear()
            await sink.came.wait()
        return sink.held

    async def refused(self, code, promise):
        with self.assertRaises(Refused) as caught:
            await call(promise)
        self.assertEqual(caught.exception.code, code, caught.exception)

    def test_many_reports_in_one_call(self):
        self.run_async(self.many_reports())

    async def many_reports(self):
        sink, registration = await self.register()
        await call(registration.setWindow(slots=3, pause=""))
        tasks = [self.new_task() for _ in range(3)]
        held = {claim["taskId"]: claim for claim in await self.given(sink, 3)}
        wrong = {**held[tasks[2]], "token": held[tasks[2]]["token"] + 1}
        reports = [
            {"held": held[tasks[0]], "outcome": "completed", "reason": "none", "logSize": 0},
            {"held": wrong, "outcome": "completed", "reason": "none", "logSize": 0},
            {"held": held[tasks[1]], "outcome": "exception", "reason": "malformedPayload",
             "logSize": 0},
            {"held": held[tasks[2]], "outcome": "exception", "reason": "canceled", "logSize": 0}]
        answers = (await call(registration.resolve(reports=reports))).answers
        self.assertEqual([answer.which() for answer in answers],
                         ["status", "error", "status", "error"])
        self.assertEqual([str(answers[i].status.state) for i in (0, 2)],
                         ["completed", "exception"])
        self.assertEqual([answers[i].error.code for i in (1, 3)],
                         ["RequestConflict", "InputError"])
        self.assertEqual([self.state(task) for task in tasks],
                         ["completed", "exception", "running"])
        again = (await call(registration.resolve(reports=reports[:1]))).answers
        self.assertEqual(str(again[0].status.state), "completed")
        await self.refused("InputError", registration.resolve(reports=[reports[0]] * 101))

        # What another registration was given is not this one's to report.
        _, other = await self.register("other")
        theirs = (await call(other.resolve(reports=[
            {**reports[3], "outcome": "completed", "reason": "none"}]))).answers
        self.assertEqual(theirs[0].error.code, "RequestConflict")
        self.assertEqual(self.state(tasks[2]), "running")

    async def claim_elsewhere(self, name):
        """Waits until the queue has given a task to another worker: before it, it has served all who
        wait for longer."""
        sink, registration = await self.register(name)
        await call(registration.setWindow(slots=1, pause=""))
        await self.given(sink, 1)

    def test_a_window_bounds_what_is_unanswered(self):
        self.run_async(self.unanswered())

    async def unanswered(self):
        sink, registration = await self.register()
        sink.answers.clear()
        await call(registration.setWindow(slots=2, pause=""))
        for _ in range(20):
            self.new_task()
        await self.given(sink, 2)
        await self.claim_elsewhere("second")
        self.assertEqual(len(sink.held), 2)
        # A window that does not know of them yet gives no more.
        await call(registration.setWindow(slots=2, pause=""))
        await self.claim_elsewhere("third")
        self.assertEqual(len(sink.held), 2)
        sink.answers.set()
        await call(registration.resolve(reports=[]))  # behind the answers
        await call(registration.setWindow(slots=3, pause=""))
        await self.given(sink, 5)
        await self.claim_elsewhere("fourth")
        self.assertEqual(len(sink.held), 5)

    def test_a_window_that_shrinks_and_grows(self):
        self.run_async(self.shrinking())

    async def shrinking(self):
        sink, registration = await self.register()
        windows = [registration.setWindow(slots=slots, pause="") for slots in (3, 0, 3)]
        for window in windows:
            await call(window)
        for _ in range(3):
            self.new_task()
        await self.given(sink, 3)

        await call(registration.setWindow(slots=4, pause=""))
        await call(registration.setWindow(slots=1, pause=""))
        for _ in range(5):
            self.new_task()
        await self.given(sink, 4)
        await self.claim_elsewhere("second")
        self.assertEqual(len(sink.held), 4)

    def test_what_it_says_is_counted(self):
        self.run_async(self.is_counted())

    async def is_counted(self):
        """Each call once, by its own name: not what becomes of it inside."""
        sink, registration = await self.register("counted")
        before = self.figures()
        await call(registration.setWindow(slots=2, pause=""))
        tasks = [self.new_task() for _ in range(2)]
        held = {claim["taskId"]: claim for claim in await self.given(sink, 2)}
        claims = [sink.claims[task] for task in tasks]
        await call(claims[0].reclaim())
        await call(claims[0].appendLog(offset=0, bytes=b"said"))
        self.assertEqual((await call(claims[0].syncLog())).offset, 4)
        await self.refused("InputError", claims[0].resolve(outcome="exception", reason="canceled",
                                                           logSize=4))
        await call(claims[0].resolve(outcome="completed", reason="none", logSize=4))
        await self.refused("RequestConflict", claims[0].reclaim())
        await call(registration.resolve(reports=[{"held": held[tasks[1]], "outcome": "completed",
                                                  "reason": "none", "logSize": 0}]))
        await call(registration.leave())
        after = self.figures()
        counted = {name: number - before.get(name, 0) for name, number in after.items()
                   if name.startswith("rpc_requests_total") and number != before.get(name, 0)}
        line = 'rpc_requests_total{name="%s",service="%s",status="%d"}'
        self.assertEqual(counted, {line % of: 1 for of in (
            ("setWindow", "registration", 200), ("reclaim", "claim", 200),
            ("appendLog", "claim", 200), ("syncLog", "claim", 200), ("resolve", "claim", 400),
            ("resolve", "claim", 200), ("reclaim", "claim", 409),
            ("resolve", "registration", 200), ("leave", "registration", 200))})
        seconds = 'rpc_request_duration_seconds_count{name="resolve",service="claim"}'
        self.assertEqual(after[seconds] - before.get(seconds, 0), 2)

    def test_revoked_claims_are_counted(self):
        self.run_async(self.revoked())

    async def revoked(self):
        credentials = self.client("queue:claim-work:" + self.queue, "queue:worker-id:g/*")
        sink, registration = await self.register("revoked", credentials)
        await call(registration.setWindow(slots=1, pause=""))
        task = self.new_task()
        await self.given(sink, 1)
        before = self.figures()
        given = self.root.post("/clients/%s/disable" % quoted(credentials["clientId"]))
        self.assertEqual(given.status, 200, given)
        await self.refused("AuthenticationFailed", sink.claims[task].reclaim())
        after = self.figures()
        for line in ('rpc_requests_total{name="reclaim",service="claim",status="401"}',
                     'auth_failure_total{reason="other",scheme="rpc"}'):
            self.assertEqual(after[line] - before.get(line, 0), 1, line)

    def test_offers_of_resources(self):
        self.run_async(self.offers())

    async def offers(self):
        for resources in ([{"name": "", "amount": 1}], [{"name": "a b", "amount": 1}],
                          [{"name": "a", "amount": 1}] * 2,
                          [{"name": "r%d" % i, "amount": 1} for i in range(101)]):
            with self.assertRaises(Refused) as caught:
                await self.register(resources=resources)
            self.assertEqual(caught.exception.code, "InputError", caught.exception)
        sink, registration = await self.register(resources=[{"name": "cpu", "amount": 2000}])
        await call(registration.setWindow(slots=5, pause=""))
        self.new_task(extra={"resources": {"cpu": 4}})
        small = [self.new_task(extra={"resources": {"cpu": 1}}) for _ in range(3)]
        held = await self.given(sink, 2)
        self.assertEqual([claim["taskId"] for claim in held], small[:2])
        await call(registration.resolve(reports=[
            {"held": held[0], "outcome": "completed", "reason": "none", "logSize": 0}]))
        held = await self.given(sink, 3)
        self.assertEqual(held[2]["taskId"], small[2])


if __name__ == "__main__":
    unittest.main()
