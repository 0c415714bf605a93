"""Many tasks in one call, over Cap'n Proto RPC. Source: schema/api/troupe.capnp."""

import unittest

import rpc
from contract import quoted
from queue_support import QUEUE, QueueTest, rpc_definition, slugid

LENGTH_MAX = 100
CHECKED_MAX = 100_000


class CreateTasks(QueueTest):
    def ask(self, method, **arguments):
        return rpc.ask(self.server.rpc_port(), self.root.credentials, method, **arguments)

    def create(self, tasks):
        """The statuses; or raises Refused."""
        return self.ask("createTasks", tasks=tasks)["statuses"]

    def new(self, **changes):
        return {"taskId": slugid(), "task": rpc_definition(self.queue, **changes)}

    def refused(self, tasks):
        with self.assertRaises(rpc.Refused) as caught:
            self.create(tasks)
        return caught.exception

    def exists(self, task):
        answer = self.root.get("/task/%s/status" % task["taskId"], api=QUEUE)
        self.assertIn(answer.status, (200, 404), answer)
        return answer.status == 200

    def test_statuses_come_in_the_order_of_the_list(self):
        first = self.new()
        last = self.new(dependencies=[first["taskId"]])
        tasks = [last, *[self.new() for _ in range(LENGTH_MAX - 2)], first]
        for _ in range(2):  # repeating it is safe
            statuses = self.create(tasks)
            self.assertEqual([status["taskId"] for status in statuses],
                             [task["taskId"] for task in tasks])
            self.assertEqual(statuses[0]["state"], "unscheduled")
            self.assertEqual({status["state"] for status in statuses[1:]}, {"pending"})

    def test_tasks_wait_in_the_order_in_which_they_were_asked_for(self):
        calls = [[self.new(taskGroupId=slugid()) for _ in range(10)] for _ in range(5)]
        for tasks in calls:
            self.create(tasks)
        waiting = [entry["taskId"] for entry in self.get(
            "/task-queues/%s/pending" % quoted(self.queue))["tasks"]]
        self.assertEqual(waiting, [task["taskId"] for tasks in calls for task in tasks])

    def test_a_definition_has_at_most_what_a_request_over_http_may_have(self):
        good, large = self.new(), self.new(payload='{"text":"%s"}' % ("x" * (10 << 20)))
        refusal = self.refused([good, large])
        self.assertEqual(refusal.code, "InputTooLarge")
        self.assertIn("task %s: the definition has 104" % large["taskId"], str(refusal))
        self.assertFalse(self.exists(good))

    def test_a_refusal_names_its_task_and_the_others_are_made(self):
        unknown = slugid()
        tasks = [self.new(), self.new(dependencies=[unknown]), self.new()]
        tasks.append(self.new(dependencies=[tasks[1]["taskId"]]))
        refusal = self.refused(tasks)
        self.assertEqual(refusal.code, "InputError")
        self.assertIn("task %s: " % tasks[1]["taskId"], str(refusal))
        self.assertIn(unknown, str(refusal))
        self.assertEqual([self.exists(task) for task in tasks], [True, False, True, False])

    def test_a_fault_of_form_creates_none(self):
        circle = [self.new(), self.new()]
        for task, other in (circle, reversed(circle)):
            task["task"]["dependencies"] = [other["taskId"]]
        for wrong, said, code in (
                ([{**self.new(), "taskId": "no id"}], "no id", "InputValidationError"),
                ([self.new(retries=50)], "retries", "InputValidationError"),
                ([self.new(created=1, deadline=2)], "deadline", "InputError"),
                (circle, "circle", "InputError"),
                ([self.new() for _ in range(LENGTH_MAX)], "at most 100", "InputError")):
            good = self.new()
            refusal = self.refused([good, *wrong])
            self.assertEqual(refusal.code, code, said)
            self.assertIn(said, str(refusal))
            self.assertFalse(self.exists(good), said)

    def test_what_many_need_is_checked_for_each(self):
        unknown, first = slugid(), self.new()
        needs = [first["taskId"], unknown]
        tasks = [*[self.new(dependencies=needs) for _ in range(3)], first]
        errors = self.ask("checkTasks", tasks=tasks)["errors"]
        self.assertEqual([error["field"] for error in errors],
                         ["tasks[%d].dependencies[1]" % i for i in range(3)])
        for error, task in zip(errors, tasks):
            self.assertEqual((error["taskId"], error["code"]), (task["taskId"], "InputError"))
            self.assertIn(unknown, error["message"])
        self.assertFalse(self.exists(first))

    def test_no_more_are_checked_than_a_file_may_have(self):
        with self.assertRaises(rpc.Refused) as caught:
            self.ask("checkTasks", tasks=[{"taskId": ""}] * (CHECKED_MAX + 1))
        self.assertIn("at most 100,000 tasks", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
