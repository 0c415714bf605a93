"""The queue over Cap'n Proto RPC: every method, its errors by their codes, and that it is the same
queue as over HTTP. Source: schema/api/queue.capnp; spec/queue.md."""

import time
import unittest

import rpc
from queue_support import QueueTest, in_hours, rpc_definition, slugid
from rpc import Connection, Refused, call

METHODS = rpc.method_names("queue")
HOUR = 3_600_000
WORKER = {"workerGroup": "g", "workerId": "w"}


class OverRpc(QueueTest):
    def run_async(self, coroutine):
        rpc.run(coroutine)

    async def connect(self, credentials=None):
        self.connection = await Connection.dial(self.server.rpc_port())
        return await self.connection.queue(credentials or self.root.credentials)

    async def fails(self, code, promise):
        with self.assertRaises(Refused) as caught:
            await call(promise)
        self.assertEqual(caught.exception.code, code, caught.exception)

    def asked(self, method, **arguments):
        """The call; by its request, since pycapnp takes `name` for the method's."""
        request = getattr(self.rpc, method + "_request")()
        for name, value in arguments.items():
            setattr(request, name, value)
        return request.send()

    def said_as(self, method, **arguments):
        self.said.add(method)
        return call(self.asked(method, **arguments))

    async def new_task(self, **changes):
        task = slugid()
        made = await self.said_as("createTask", taskId=task,
                                  task=rpc_definition(self.queue, **changes))
        self.assertEqual(made.status.taskId, task)
        return task

    def test_every_method(self):
        self.run_async(self.every_method())

    async def every_method(self):
        self.rpc = await self.connect()
        self.said = set()
        for part in (self.monitoring, self.tasks, self.groups, self.worker_interface,
                     self.artifacts, self.metadata):
            await part()
        self.assertEqual(METHODS - self.said, set())

    async def monitoring(self):
        self.assertTrue((await self.said_as("ping")).alive)
        await self.said_as("heartbeat")
        await self.said_as("lbheartbeat")
        self.assertTrue((await self.said_as("version")).version)

    async def tasks(self):
        first = await self.new_task(tags=[{"key": "a", "value": "b"}])
        second = await self.new_task(dependencies=[first])
        told = await self.said_as("task", taskId=first)
        self.assertEqual((told.task.taskQueueId, told.task.tags[0].key), (self.queue, "a"))
        self.assertEqual(str((await self.said_as("status", taskId=second)).status.state),
                         "unscheduled")
        asked = {"taskIds": [first, second, slugid()]}
        self.assertEqual(len((await self.said_as("tasks", tasks=asked)).tasks), 2)
        self.assertEqual(len((await self.said_as("statuses", tasks=asked)).statuses), 2)
        waiting = await self.said_as("listDependentTasks", taskId=first)
        self.assertEqual([t.status.taskId for t in waiting.tasks], [second])
        scheduled = await self.said_as("scheduleTask", taskId=second)
        self.assertEqual(str(scheduled.status.state), "pending")
        moved = await self.said_as("changeTaskPriority", taskId=second,
                                   change={"newPriority": "high"})
        self.assertEqual(str(moved.status.priority), "high")
        await self.fails("RequestConflict", self.rpc.changeTaskPriority(
            taskId=second, change={"newPriority": "high"}))
        ended = await self.said_as("cancelTask", taskId=second)
        self.assertEqual(str(ended.status.runs[0].reasonResolved), "canceled")
        again = await self.said_as("rerunTask", taskId=second, requestId=slugid())
        self.assertEqual(len(again.status.runs), 2)
        await self.fails("ResourceNotFound", self.rpc.status(taskId=slugid()))
        await self.fails("InvalidRequestArguments", self.rpc.status(taskId="none"))
        await self.fails("RequestConflict", self.rpc.createTask(
            taskId=first, task=rpc_definition(self.queue, retries=1)))

    async def groups(self):
        group = await self.new_task()
        await self.new_task(taskGroupId=group)
        listed = await self.said_as("listTaskGroup", taskGroupId=group, limit=1)
        self.assertEqual((len(listed.tasks), bool(listed.continuationToken)), (1, True))
        self.assertEqual((await self.said_as("getTaskGroup", taskGroupId=group)).sealed, 0)
        changed = await self.said_as("changeTaskGroupPriority", taskGroupId=group,
                                     change={"newPriority": "low"})
        self.assertEqual((changed.tasksAffected, len(changed.taskIds)), (2, 2))
        await self.fails("RequestConflict", self.rpc.cancelTaskGroup(taskGroupId=group))
        self.assertGreater((await self.said_as("sealTaskGroup", taskGroupId=group)).sealed, 0)
        cancelled = await self.said_as("cancelTaskGroup", taskGroupId=group)
        self.assertEqual((cancelled.cancelledCount, cancelled.taskGroupSize), (2, 2))

    async def worker_interface(self):
        tasks = [await self.new_task(priority="highest") for _ in range(3)]
        run = {"taskId": tasks[0], "runId": 0}
        claims = await self.said_as("claimWork", taskQueueId=self.queue,
                                    request={**WORKER, "tasks": 2}, requestId=slugid())
        self.assertEqual([claim.status.taskId for claim in claims.tasks], tasks[:2])
        self.assertTrue(claims.tasks[0].credentials.certificate)
        renewed = await self.said_as("reclaimTask", **run)
        self.assertGreaterEqual(renewed.takenUntil, claims.tasks[0].takenUntil)
        done = await self.said_as("reportCompleted", **run)
        self.assertEqual(str(done.status.state), "completed")
        await self.fails("RequestConflict", self.rpc.reportFailed(**run))
        failed = await self.said_as("reportFailed", taskId=tasks[1], runId=0)
        self.assertEqual(str(failed.status.state), "failed")
        claim = await self.said_as("claimTask", taskId=tasks[2], runId=0, request=WORKER)
        self.assertEqual(claim.runId, 0)
        given_up = await self.said_as("reportException", taskId=tasks[2], runId=0,
                                      report={"reason": "workerShutdown"})
        self.assertEqual((str(given_up.status.state), len(given_up.status.runs)), ("pending", 2))

    async def artifacts(self):
        task = await self.new_task()
        claim = await call(self.rpc.claimTask(taskId=task, runId=0, request=WORKER))
        expires, run = claim.task.deadline, {"taskId": task, "runId": 0}
        reference = {"expires": expires, "url": "https://example.com/x", "contentType": "a/b"}
        made = await self.said_as("createArtifact", **run, name="public/r",
                                  artifact={"reference": reference})
        self.assertEqual(str(made.answer.which()), "reference")
        await call(self.asked("createArtifact", **run, name="public/l", artifact={
            "link": {"expires": expires, "artifact": "public/r"}}))
        upload = await call(self.asked("createArtifact", **run, name="public/o", artifact={
            "object": {"expires": expires, "contentType": "a/b"}}))
        await self.fails("InputError", self.asked(
            "finishArtifact", **run, name="public/o", upload={"uploadId": upload.answer.object.uploadId}))
        self.said.add("finishArtifact")
        self.assertEqual(len((await self.said_as("listArtifacts", **run)).artifacts), 3)
        latest = await self.said_as("listLatestArtifacts", taskId=task)
        self.assertEqual([a.name for a in latest.artifacts], ["public/l", "public/o", "public/r"])
        info = await self.said_as("artifactInfo", **run, name="public/l")
        self.assertEqual(info.storageType, "link")
        await self.said_as("latestArtifactInfo", taskId=task, name="public/r")
        for method, names in (("getArtifact", run), ("getLatestArtifact", {"taskId": task})):
            found = await self.said_as(method, **names, name="public/l")
            self.assertEqual((found.storageType, found.url),
                             ("reference", "https://example.com/x"))
        for method, names in (("artifact", run), ("latestArtifact", {"taskId": task})):
            found = await self.said_as(method, **names, name="public/l")
            self.assertEqual(found.content.reference.url, "https://example.com/x")
        await self.fails("ResourceNotFound", self.asked("getArtifact", **run, name="public/o"))

    async def metadata(self):
        provisioner, worker_type = self.queue.split("/")
        half, both = {"provisionerId": provisioner}, {"provisionerId": provisioner,
                                                      "workerType": worker_type}
        named = {"taskQueueId": self.queue}
        declared = await self.said_as("declareWorker", **both, workerGroup="g", workerId="d",
                                      request={"expires": rpc_definition("")["created"] + HOUR})
        self.assertEqual(declared.workerId, "d")
        until = rpc_definition("")["created"] + HOUR
        shut = await self.said_as("quarantineWorker", **both, workerGroup="g", workerId="d",
                                  request={"quarantineUntil": until})
        self.assertEqual(shut.quarantineUntil, until)
        await self.said_as("getWorker", **both, workerGroup="g", workerId="d")
        page = await self.said_as("listWorkers", **both, quarantined="true")
        self.assertEqual([one.workerId for one in page.workers], ["d"])
        self.assertIn(self.queue, [q.taskQueueId for q in (
            await self.said_as("listTaskQueues")).taskQueues])
        await self.said_as("getTaskQueue", **named)
        self.assertIn(provisioner, [p.provisionerId for p in (
            await self.said_as("listProvisioners")).provisioners])
        await self.said_as("getProvisioner", **half)
        self.assertEqual(len((await self.said_as("listWorkerTypes", **half)).workerTypes), 1)
        await self.said_as("getWorkerType", **both)
        await self.said_as("pendingTasks", **named)
        counts = await self.said_as("taskQueueCounts", **named)
        waiting = await self.said_as("listPendingTasks", **named)
        held = await self.said_as("listClaimedTasks", **named)
        self.assertEqual((len(waiting.tasks), len(held.tasks)),
                         (counts.pendingTasks, counts.claimedTasks))

    def test_repeated_requests(self):
        self.run_async(self.repeated_requests())

    async def repeated_requests(self):
        """A claimWork that is said again, as after a lost connection, is answered alike."""
        queue = self.rpc = await self.connect()
        self.said = set()
        tasks = [await self.new_task() for _ in range(2)]
        asked = {"taskQueueId": self.queue, "request": WORKER, "requestId": slugid()}
        for _ in range(2):
            claims = await call(queue.claimWork(**asked))
            self.assertEqual([claim.status.taskId for claim in claims.tasks], tasks[:1])
        other = await call(queue.claimWork(**{**asked, "requestId": slugid()}))
        self.assertEqual([claim.status.taskId for claim in other.tasks], tasks[1:])

    def test_claims_that_are_cancelled_at_once(self):
        self.run_async(self.claims_that_are_cancelled_at_once())

    async def claims_that_are_cancelled_at_once(self):
        """A claimWork whose run ends before it is answered waits for another."""
        queue = self.rpc = await self.connect()
        self.said = set()
        cancelled = await self.new_task()
        asked = {"taskQueueId": self.queue, "request": WORKER, "requestId": slugid()}
        claims = await call(queue.claimWork(**asked))
        self.assertEqual([claim.status.taskId for claim in claims.tasks], [cancelled])
        await self.said_as("cancelTask", taskId=cancelled)
        begun = time.monotonic()
        claims = await call(queue.claimWork(**asked))
        self.assertEqual(len(claims.tasks), 0)
        self.assertGreater(time.monotonic() - begun, 0.4)  # of the half second that it may wait
        task = await self.new_task()
        claims = await call(queue.claimWork(**asked))
        self.assertEqual([claim.status.taskId for claim in claims.tasks], [task])

    def test_missing_bodies(self):
        self.run_async(self.missing_bodies())

    async def missing_bodies(self):
        """A struct that is left out is not taken for one of zeros: nothing changes."""
        self.rpc = await self.connect()
        provisioner, worker_type = self.queue.split("/")
        worker = {"provisionerId": provisioner, "workerType": worker_type, "workerGroup": "g",
                  "workerId": "ill"}
        path = "/provisioners/%s/worker-types/%s/workers/g/ill" % (provisioner, worker_type)
        self.claims(worker="ill")
        self.put(path, {"quarantineUntil": in_hours(1)})
        pending, running = self.create(priority="high"), self.create()
        self.claimed(running)
        before = [self.status(pending), self.status(running), self.get(path)]
        for method, arguments in (("reportException", {"taskId": running, "runId": 0}),
                                  ("reportException", {"taskId": running, "runId": 0,
                                                       "report": {}}),
                                  ("changeTaskPriority", {"taskId": pending}),
                                  ("changeTaskGroupPriority", {"taskGroupId": pending}),
                                  ("claimTask", {"taskId": pending, "runId": 0}),
                                  ("claimWork", {"taskQueueId": self.queue}),
                                  ("quarantineWorker", worker), ("declareWorker", worker),
                                  ("createTask", {"taskId": slugid()})):
            with self.subTest(method=method):
                await self.fails("InputValidationError", self.asked(method, **arguments))
        self.assertEqual([self.status(pending), self.status(running), self.get(path)], before)

    def test_scopes(self):
        self.run_async(self.scopes())

    async def scopes(self):
        task = self.create()
        queue = await self.connect(self.client("queue:status:" + task))
        await call(queue.status(taskId=task))
        await self.fails("InsufficientScopes", queue.task(taskId=task))
        await self.fails("InsufficientScopes", queue.claimWork(
            taskQueueId=self.queue, request=WORKER))

    def test_both_faces(self):
        self.run_async(self.both_faces())

    async def both_faces(self):
        """What a task's credentials may do over HTTP they may do over RPC."""
        task = self.create()
        claim = self.claimed(task)
        queue = await self.connect(claim["credentials"])
        await call(queue.reclaimTask(taskId=task, runId=0))
        done = await call(queue.reportCompleted(taskId=task, runId=0))
        self.assertEqual(str(done.status.state), self.status(task)["state"])


if __name__ == "__main__":
    unittest.main()
