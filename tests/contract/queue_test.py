"""The methods of the queue that are served over HTTP, through PyPI's taskcluster; and Troupe's own.
Each answer keeps to the contract's schema. Source: spec/queue.md; ../../schema/api/troupe.capnp."""

import base64
import datetime
import json
import unittest
import uuid

import schemas
from contract import ContractTest, quoted
from drivers import PythonDriver

LOGS = ["public/logs/live.log", "public/logs/live_backing.log"]
TROUPE = "/api/troupe/v1"
NOWHERE = "local/nowhere"  # a queue without workers


def slugid():
    made = bytearray(uuid.uuid4().bytes)
    made[0] &= 0x7f  # no leading dash
    return base64.urlsafe_b64encode(bytes(made)).rstrip(b"=").decode()


def in_hours(hours):
    time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def definition(**changes):
    return {"taskQueueId": NOWHERE, "created": in_hours(0), "deadline": in_hours(1),
            "payload": {"command": [["true"]], "maxRunTime": 60},
            "metadata": {"name": "n", "description": "d", "owner": "o@example.com",
                         "source": "https://example.com"}, **changes}


class Queue(ContractTest):
    workers = 1

    @staticmethod
    def dial(server):
        return PythonDriver(server.root_url, "queue")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.driver = cls.dial(cls.server)
        cls.addClassCleanup(cls.driver.close)
        cls.entries = {e["name"]: e for e in schemas.services()["queue"]["entries"]}

    def say(self, method, *args, by=None, **how):
        return self.driver.call(self.root.credentials if by is None else by, method, *args, **how)

    def ok(self, method, *args, **how):
        outcome = self.say(method, *args, **how)
        self.assertIsNone(outcome.status, "%s%r: %r" % (method, args, outcome))
        self.assertEqual(schemas.problems(outcome.body, "/schemas/queue/" +
                                          self.entries[method]["output"]), [])
        return outcome.body

    def fails(self, status, code, method, *args, **how):
        outcome = self.say(method, *args, **how)
        self.assertEqual((outcome.status, outcome.code), (status, code), outcome)

    def refusals(self, method, *args, wrong=None):
        """What each method says of somebody without scopes, and of a name that none can have."""
        self.fails(403, "InsufficientScopes", method, *args, by=self.client("some:scope"))
        if wrong is not None:
            self.fails(400, "InvalidRequestArguments", method, *wrong)

    def new_task(self, **changes):
        task = slugid()
        self.ok("createTask", task, definition(**changes))
        return task

    def test_create(self):
        task = slugid()
        body = definition(taskGroupId=slugid(), routes=["a.b"], tags={"k": "v"}, extra={"e": [1]})
        status = self.ok("createTask", task, body)["status"]
        self.assertEqual((status["taskId"], status["state"], status["taskQueueId"]),
                         (task, "pending", NOWHERE))
        self.assertEqual(self.ok("createTask", task, body)["status"], status)
        self.fails(409, "RequestConflict", "createTask", task, {**body, "retries": 1})
        self.fails(400, "InputValidationError", "createTask", slugid(), {**body, "retries": -1})
        self.fails(400, "InputValidationError", "createTask", slugid(), {})
        self.refusals("createTask", slugid(), body, wrong=("no-task", body))
        kept = self.ok("task", task)
        for name in ("taskGroupId", "routes", "tags", "extra", "payload", "metadata"):
            self.assertEqual(kept[name], body[name], name)
        self.refusals("task", task, wrong=("no-task",))

    def test_unknown_tasks_and_groups(self):
        unknown = slugid()
        for method in ("task", "status", "scheduleTask", "rerunTask", "cancelTask",
                       "listDependentTasks", "listLatestArtifacts", "listTaskGroup",
                       "getTaskGroup", "sealTaskGroup"):
            with self.subTest(method=method):
                self.fails(404, "ResourceNotFound", method, unknown)
        self.fails(404, "ResourceNotFound", "listArtifacts", unknown, "0")
        self.fails(404, "ResourceNotFound", "artifactInfo", unknown, "0", LOGS[0])
        self.fails(404, "ResourceNotFound", "latestArtifactInfo", unknown, LOGS[0])

    def test_life(self):
        first = self.new_task()
        second = self.new_task(dependencies=[first], taskGroupId=first)
        self.assertEqual(self.ok("status", second)["status"]["state"], "unscheduled")
        waiting = self.ok("listDependentTasks", first)
        self.assertEqual([t["status"]["taskId"] for t in waiting["tasks"]], [second])
        self.assertEqual(self.ok("scheduleTask", second)["status"]["state"], "pending")
        ended = self.ok("cancelTask", second)["status"]
        self.assertEqual((ended["state"], ended["runs"][0]["reasonResolved"]),
                         ("exception", "canceled"))
        again = self.ok("rerunTask", second)["status"]
        self.assertEqual([run["reasonCreated"] for run in again["runs"]], ["scheduled", "rerun"])
        for method in ("status", "scheduleTask", "cancelTask", "rerunTask", "listDependentTasks"):
            with self.subTest(method=method):
                self.refusals(method, second, wrong=("no-task",))

    def test_groups(self):
        group = slugid()
        tasks = sorted(self.new_task(taskGroupId=group) for _ in range(3))
        whole = self.ok("listTaskGroup", group)
        self.assertEqual([t["status"]["taskId"] for t in whole["tasks"]], tasks)
        page = self.ok("listTaskGroup", group, query={"limit": "2"})
        self.assertEqual(len(page["tasks"]), 2)
        rest = self.ok("listTaskGroup", group,
                       query={"continuationToken": page["continuationToken"]})
        self.assertEqual([t["status"]["taskId"] for t in page["tasks"] + rest["tasks"]], tasks)
        self.assertNotIn("continuationToken", rest)
        self.fails(400, "InvalidRequestArguments", "listTaskGroup", group, query={"limit": "x"})
        self.assertNotIn("sealed", self.ok("getTaskGroup", group))
        sealed = self.ok("sealTaskGroup", group)
        self.assertEqual(self.ok("sealTaskGroup", group), sealed)
        self.assertIn("sealed", self.ok("getTaskGroup", group))
        self.fails(409, "RequestConflict", "createTask", slugid(), definition(taskGroupId=group))
        for method in ("listTaskGroup", "getTaskGroup", "sealTaskGroup"):
            with self.subTest(method=method):
                self.refusals(method, group, wrong=("no-group",))

    def test_artifacts(self):
        task = self.server.submit("true")
        self.server.wait_for_task(task)
        for page in (self.ok("listArtifacts", task, "0"), self.ok("listLatestArtifacts", task)):
            self.assertEqual([a["name"] for a in page["artifacts"]], LOGS)
        for name in LOGS:
            info = self.ok("artifactInfo", task, "0", name)
            self.assertEqual(info["name"], name)
            self.assertEqual(self.ok("latestArtifactInfo", task, name), info)
        self.fails(404, "ResourceNotFound", "artifactInfo", task, "0", "public/none")
        self.fails(404, "ResourceNotFound", "listArtifacts", task, "1")
        self.refusals("listArtifacts", task, "0", wrong=("no-task", "0"))
        self.refusals("listLatestArtifacts", task, wrong=("no-task",))
        self.refusals("artifactInfo", task, "0", LOGS[0], wrong=(task, "x", LOGS[0]))
        self.refusals("latestArtifactInfo", task, LOGS[0], wrong=("no-task", LOGS[0]))

    def test_task_queues(self):
        queues = self.ok("listTaskQueues")["taskQueues"]
        self.assertIn("local/default", [queue["taskQueueId"] for queue in queues])
        self.refusals("listTaskQueues")
        queue = "local/counted"
        task = self.new_task(taskQueueId=queue)
        self.refusals("taskQueueCounts", queue, wrong=("no queue",))
        pending = self.ok("listPendingTasks", queue)
        self.assertEqual([t["taskId"] for t in pending["tasks"]], [task])
        self.refusals("listPendingTasks", queue, wrong=("no queue",))


class Troupe(ContractTest):
    """Troupe's own methods over HTTP."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.task = slugid()
        made = cls.root.put("/task/" + cls.task, definition(), api="/api/queue/v1")
        if made.status != 200:
            raise AssertionError("cannot create a task: %r" % made)

    def refusals(self, path, wrong):
        nobody = self.root.called(self.client("some:scope"))
        self.refused(nobody.get(path, api=TROUPE), "InsufficientScopes")
        answer = self.root.get(wrong, api=TROUPE)
        self.assertIn(answer.status, (400, 404), answer)
        self.assertIn("code", answer.json)

    def test_schemas(self):
        """Each answer keeps to the one that is served for it: `Caller` has looked."""
        for method, wrong in (("explain", {"code": 1}), ("listTasks", {"tasks": {}}),
                              ("events", {"events": [{"cc": ""}]})):
            schema = "/schemas/troupe/" + schemas.entry("troupe", method)["output"]
            self.assertTrue(schemas.problems(wrong, schema), method)

    def test_explain(self):
        for subject in (self.task, NOWHERE):
            told = self.given(self.root.get("/explain/" + subject, api=TROUPE))
            self.assertEqual((told["subject"], told["code"]), (subject, "no-worker"))
            self.assertTrue(told["message"])
        self.assertEqual(self.root.get("/explain/" + quoted(NOWHERE), api=TROUPE).status, 200)
        self.refusals("/explain/" + self.task, "/explain/" + slugid())

    def test_tasks(self):
        every = self.given(self.root.get("/tasks", api=TROUPE))["tasks"]
        self.assertEqual([t["status"]["taskId"] for t in every], [self.task])
        self.assertEqual(every[0]["task"]["metadata"]["name"], "n")
        for query, count in (("state=pending", 1), ("state=running", 0), ("limit=1", 1),
                             ("taskQueueId=" + quoted(NOWHERE), 1), ("taskQueueId=a%2Fb", 0)):
            found = self.given(self.root.get("/tasks?" + query, api=TROUPE))["tasks"]
            self.assertEqual(len(found), count, query)
        self.refusals("/tasks", "/tasks?limit=x")

    def test_events(self):
        page = self.given(self.root.get("/events?exchange=" + quoted(
            "exchange/taskcluster-queue/v1/task-pending"), api=TROUPE))
        mine = [e for e in page["events"] if e["payload"]["status"]["taskId"] == self.task]
        self.assertEqual(len(mine), 1, json.dumps(page))
        self.assertTrue(mine[0]["routingKey"].startswith("primary." + self.task))
        now = self.given(self.root.get("/events?after=now", api=TROUPE))
        self.assertEqual(now["events"], [])
        first = self.given(self.root.get("/events?limit=1", api=TROUPE))
        self.assertEqual(len(first["events"]), 1)
        after = self.given(self.root.get("/events?limit=1&after=" + quoted(first["next"]),
                                         api=TROUPE))
        self.assertNotEqual(after["events"], first["events"])
        self.refusals("/events", "/events?after=nowhere")


if __name__ == "__main__":
    unittest.main()
