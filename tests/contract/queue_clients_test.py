"""Every method of the queue through PyPI's taskcluster and npm's taskcluster-client, as their users
call them, and over Cap'n Proto RPC."""

import unittest

from contract import ContractTest
from every_method import ByNode, ByPython, ByRpc, EveryMethod
from official_clients_test import fetch
from queue_support import QueueTest, definition, in_hours, slugid

WORKER = {"workerGroup": "g", "workerId": "w"}
REFERENCE = {"storageType": "reference", "contentType": "text/plain",
             "url": "https://example.com/x"}


class Queue(EveryMethod):
    """The tests; subclasses name the client."""

    SERVICE = "queue"
    settings = QueueTest.settings

    def setUp(self):
        super().setUp()
        self.queue = "proj-%s/w" % slugid()[:12].replace("_", "-")

    def parts(self):
        return (self.tasks, self.groups, self.worker_interface, self.artifacts, self.metadata)

    def new_task(self, **changes):
        task = slugid()
        status = self.ok("createTask", task, definition(self.queue, **changes))["status"]
        self.assertEqual(status["taskId"], task)
        return task

    def tasks(self):
        first = self.new_task(tags={"a": "b"})
        second = self.new_task(dependencies=[first])
        self.assertEqual(self.ok("task", first)["tags"], {"a": "b"})
        self.assertEqual(self.ok("status", second)["status"]["state"], "unscheduled")
        asked = {"taskIds": [first, second]}
        self.assertEqual(len(self.ok("tasks", asked)["tasks"]), 2)
        self.assertEqual(len(self.ok("statuses", asked, query={"limit": "1"})["statuses"]), 1)
        waiting = self.ok("listDependentTasks", first)["tasks"]
        self.assertEqual([one["status"]["taskId"] for one in waiting], [second])
        self.assertEqual(self.ok("scheduleTask", second)["status"]["state"], "pending")
        moved = self.ok("changeTaskPriority", second, {"newPriority": "high"})["status"]
        self.assertEqual(moved["priority"], "high")
        self.assertEqual(self.ok("cancelTask", second)["status"]["state"], "exception")
        self.assertEqual(len(self.ok("rerunTask", second)["status"]["runs"]), 2)
        self.fails(404, "ResourceNotFound", "status", slugid())
        self.fails(409, "RequestConflict", "createTask", first, definition(self.queue, retries=1))
        self.fails(400, "InputValidationError", "createTask", first, {})
        self.fails(403, "InsufficientScopes", "task", first, by=self.client("x"))

    def groups(self):
        group = self.new_task()
        self.new_task(taskGroupId=group)
        page = self.ok("listTaskGroup", group, query={"limit": "1"})
        rest = self.ok("listTaskGroup", group,
                       query={"continuationToken": page["continuationToken"]})
        self.assertEqual((len(page["tasks"]), len(rest["tasks"])), (1, 1))
        self.assertEqual(self.ok("getTaskGroup", group)["taskGroupId"], group)
        changed = self.ok("changeTaskGroupPriority", group, {"newPriority": "low"})
        self.assertEqual(changed["tasksAffected"], 2)
        self.fails(409, "RequestConflict", "cancelTaskGroup", group)
        self.assertIn("sealed", self.ok("sealTaskGroup", group))
        self.assertEqual(self.ok("cancelTaskGroup", group)["cancelledCount"], 2)

    def worker_interface(self):
        tasks = [self.new_task(priority="highest") for _ in range(4)]
        claims = self.ok("claimWork", self.queue, {**WORKER, "tasks": 2})["tasks"]
        self.assertEqual([claim["status"]["taskId"] for claim in claims], tasks[:2])
        by = claims[0]["credentials"]
        renewed = self.ok("reclaimTask", tasks[0], "0", by=by)
        self.ok("reportCompleted", tasks[0], "0", by=renewed["credentials"])
        self.fails(409, "RequestConflict", "reportFailed", tasks[0], "0", by=by)
        self.fails(403, "InsufficientScopes", "reportFailed", tasks[1], "0", by=by)
        failed = self.ok("reportFailed", tasks[1], "0", by=claims[1]["credentials"])
        self.assertEqual(failed["status"]["state"], "failed")
        claim = self.ok("claimTask", tasks[2], "0", WORKER)
        gone = self.ok("reportException", tasks[2], "0", {"reason": "worker-shutdown"},
                       by=claim["credentials"])
        self.assertEqual(gone["status"]["state"], "pending")

    def artifacts(self):
        task = self.new_task()
        claim = self.ok("claimTask", task, "0", WORKER)
        by, expires = claim["credentials"], in_hours(1)
        self.ok("createArtifact", task, "0", "public/a b", {**REFERENCE, "expires": expires},
                by=by)
        self.ok("createArtifact", task, "0", "public/link", {
            "storageType": "link", "artifact": "public/a b", "expires": expires}, by=by)
        put = self.ok("createArtifact", task, "0", "public/s3", {
            "storageType": "s3", "contentType": "text/plain", "expires": expires}, by=by)
        self.assertIn("putUrl", put)
        upload = self.ok("createArtifact", task, "0", "public/o", {
            "storageType": "object", "contentType": "text/plain", "expires": expires}, by=by)
        self.fails(400, "InputError", "finishArtifact", task, "0", "public/o",
                   {"uploadId": upload["uploadId"]}, by=by)
        for method, names in (("listArtifacts", (task, "0")), ("listLatestArtifacts", (task,))):
            self.assertEqual(len(self.ok(method, *names)["artifacts"]), 4)
        for method, names in (("artifactInfo", (task, "0")), ("latestArtifactInfo", (task,))):
            self.assertEqual(self.ok(method, *names, "public/link")["storageType"], "link")
        for method, names in (("artifact", (task, "0")), ("latestArtifact", (task,))):
            self.assertEqual(self.ok(method, *names, "public/link"),
                             {"storageType": "reference", "url": REFERENCE["url"]})
        for method, names in (("getArtifact", (task, "0")), ("getLatestArtifact", (task,))):
            self.fails(404, "ResourceNotFound", method, *names, "public/none")
            self.assertEqual(self.ok(method, *names, "public/link")["url"], REFERENCE["url"])
            if self.IS_HTTP:
                url = self.driver.signed_url(self.root.credentials, method, *names, "public/none")
                self.assertEqual(fetch(url)[0], 404)

    def metadata(self):
        provisioner, worker_type = self.queue.split("/")
        names = (provisioner, worker_type)
        self.ok("declareWorker", *names, "g", "d", {"expires": in_hours(30)})
        self.ok("quarantineWorker", *names, "g", "d", {"quarantineUntil": in_hours(1)})
        self.ok("getWorker", *names, "g", "d")
        page = self.ok("listWorkers", *names, query={"quarantined": "true"})
        self.assertEqual([one["workerId"] for one in page["workers"]], ["d"])
        self.assertTrue(self.ok("listTaskQueues")["taskQueues"])
        self.assertEqual(self.ok("getTaskQueue", self.queue)["taskQueueId"], self.queue)
        self.assertTrue(self.ok("listProvisioners")["provisioners"])
        self.ok("getProvisioner", provisioner)
        self.assertEqual(len(self.ok("listWorkerTypes", provisioner)["workerTypes"]), 1)
        self.ok("getWorkerType", *names)
        counts = self.ok("taskQueueCounts", self.queue)
        self.assertEqual(self.ok("pendingTasks", self.queue)["pendingTasks"],
                         counts["pendingTasks"])
        for method, count in (("listPendingTasks", "pendingTasks"),
                              ("listClaimedTasks", "claimedTasks")):
            self.assertEqual(len(self.ok(method, self.queue)["tasks"]), counts[count])


class Python(ByPython, Queue, ContractTest):
    pass


class Node(ByNode, Queue, ContractTest):
    pass


class Rpc(ByRpc, Queue, ContractTest):
    pass


if __name__ == "__main__":
    unittest.main()
