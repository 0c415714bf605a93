"""The most dependencies that a task may have, and as many dependents. Source: spec/queue.md, sections
1.1 and 3."""

import unittest

import rpc
from contract import quoted
from platform_under_test import wait_until
from queue_support import QueueTest, rpc_definition, slugid

EDGES_MAX = 10_000
TASKS_A_CALL = 100
PAGE_MAX = 1_000


class Edges(QueueTest):
    def setUp(self):
        super().setUp()
        self.first = self.create()
        self.group = slugid()
        self.middle = [slugid() for _ in range(EDGES_MAX)]
        rpc.run(self.create_middle())

    async def create_middle(self):
        """All need `first`."""
        connection = await rpc.Connection.dial(self.server.rpc_port())
        troupe = await connection.troupe(self.root.credentials)
        task = rpc_definition(self.queue, taskGroupId=self.group, dependencies=[self.first])
        for begin in range(0, EDGES_MAX, TASKS_A_CALL):
            await rpc.call(troupe.createTasks(tasks=[
                {"taskId": one, "task": task}
                for one in self.middle[begin:begin + TASKS_A_CALL]]))

    def pending(self):
        return self.get("/task-queues/%s/counts" % quoted(self.queue))["pendingTasks"]

    def dependents(self, task):
        """Others look at each answer's form: of so many that takes minutes."""
        found, token = [], ""
        while True:
            page = self.get("/task/%s/dependents?limit=%d%s" % (
                task, PAGE_MAX, token and "&continuationToken=" + quoted(token)), by=self.events_caller)
            found += [one["status"]["taskId"] for one in page["tasks"]]
            token = page.get("continuationToken")
            if not token:
                return found

    def test_as_many_as_may_be_each_way(self):
        refused = self.say("PUT", "/task/" + slugid(),
                           self.definition(dependencies=[*self.middle, slugid()]))
        self.assertEqual((refused.status, refused.json["code"]), (400, "InputValidationError"))

        last = self.create(dependencies=self.middle, requires="all-resolved")
        self.assertEqual(self.status(last)["state"], "unscheduled")
        self.assertEqual(self.get("/task/" + last)["dependencies"], self.middle)
        found = self.dependents(self.first)
        self.assertEqual(len(found), EDGES_MAX)
        self.assertEqual(set(found), set(self.middle))
        self.assertEqual(self.dependents(self.middle[-1]), [last])

        claim = self.claimed(self.first)
        self.post("/task/%s/runs/0/completed" % self.first, by=claim["by"])
        wait_until(lambda: self.pending() == EDGES_MAX, "all that need the first to be pending")
        self.assertEqual(self.status(last)["state"], "unscheduled")

        self.post("/task-group/%s/seal" % self.group)
        cancelled = self.post("/task-group/%s/cancel" % self.group)
        self.assertEqual(cancelled["cancelledCount"], EDGES_MAX)
        wait_until(lambda: self.status(last)["state"] == "pending", "the last to be pending")
        wait_until(lambda: self.pending() == 1, "the last to be all that is pending")


if __name__ == "__main__":
    unittest.main()
