"""Continuation tokens of the queue's lists that no page has given. Source: spec/queue.md, section
13; spec/api-framework.md, section 13."""

import unittest

from contract import quoted
from platform_under_test import wait_until
from queue_support import QueueTest, in_hours

# Legal characters, of which no page makes a token: too short, of an odd length, of another list.
MEANINGLESS = ("a", "zzzz", "0000", "nowhere", "Zm9vYmFy", "z" * 1000)
ILLEGAL = ("!", "a b", "\u00e9", "a%b", "../x")


class Tokens(QueueTest):
    def setUp(self):
        super().setUp()
        provisioner, worker_type = self.queue.split("/")
        self.types = "/provisioners/%s/worker-types" % provisioner
        self.workers = "%s/%s/workers" % (self.types, worker_type)
        for name in "ab":
            self.put("%s/%s/g/%s" % (self.types, worker_type, name), {"expires": in_hours(1)})
        self.put("%s/%s2/g/w" % (self.types, worker_type), {"expires": in_hours(1)})
        self.put("/provisioners/%s-2/worker-types/w/g/w" % provisioner, {"expires": in_hours(1)})
        self.group = self.create()
        self.tasks = [self.group] + [self.create(taskGroupId=self.group, dependencies=[self.group])
                                     for _ in range(2)]

    def asked(self, path, token=None):
        """A page behind a token, or the first without any."""
        query = "" if token is None else "?continuationToken=" + quoted(token)
        if path in ("/tasks", "/tasks/status"):
            return self.say("POST", path + query, {"taskIds": self.tasks})
        return self.say("GET", path + query)

    def check(self, path, illegal_is_refused):
        whole = self.given(self.asked(path))
        rows, = (value for value in whole.values() if isinstance(value, list))
        self.assertGreater(len(rows), 1)
        for token in MEANINGLESS:
            with self.subTest(path=path, token=token):
                self.assertEqual(self.given(self.asked(path, token)), whole)
        for token in ILLEGAL:
            with self.subTest(path=path, token=token):
                if illegal_is_refused:
                    self.refused(self.asked(path, token), "InputError")
                else:
                    self.assertEqual(self.given(self.asked(path, token)), whole)
        with self.subTest(path=path, token=""):
            self.refused(self.asked(path, ""), "InvalidRequestArguments")

    def test_of_lists_that_count(self):
        for path in ("/tasks", "/tasks/status", "/task-group/%s/list" % self.group,
                     "/task/%s/dependents" % self.group, "/task-queues", self.types, self.workers,
                     "/provisioners"):
            self.check(path, illegal_is_refused=True)

    def test_of_lists_by_keys(self):
        claim = self.claimed(self.group)
        for name in "ab":
            self.post("/task/%s/runs/0/artifacts/%s" % (self.group, name), {
                "storageType": "link", "artifact": "x", "expires": claim["task"]["deadline"]})
        self.claimed(self.create())
        for _ in range(2):
            self.create()
        queue = "/task-queues/%s/" % quoted(self.queue)
        for path in (queue + "pending", queue + "claimed"):
            wait_until(lambda path=path: len(self.get(path)["tasks"]) == 2, path)
        for path in ("/task/%s/artifacts" % self.group, "/task/%s/runs/0/artifacts" % self.group,
                     queue + "pending", queue + "claimed"):
            self.check(path, illegal_is_refused=False)

    def test_a_token_of_another_list(self):
        """It is none of this one's keys, and begins anew or behind them: it is no error."""
        token = self.get("/task-group/%s/list?limit=1" % self.group)["continuationToken"]
        for path in ("/task-queues", self.types, self.workers, "/provisioners",
                     "/task-queues/%s/pending" % quoted(self.queue),
                     "/task-queues/%s/claimed" % quoted(self.queue)):
            with self.subTest(path=path):
                self.given(self.asked(path, token))


if __name__ == "__main__":
    unittest.main()
