"""What has expired and is still there, as it is until `queue.expiration_delay` later: what may be
seen of it, and what may be done. Source: spec/queue.md, sections 10.2, 13 and 14."""

import unittest

from contract import quoted
from platform_under_test import wait_until
from queue_support import QueueTest, in_hours, in_seconds


class Expired(QueueTest):
    def setUp(self):
        super().setUp()
        self.provisioner, self.worker_type = self.queue.split("/")
        self.types = "/provisioners/%s/worker-types" % self.provisioner
        self.workers = "%s/%s/workers" % (self.types, self.worker_type)

    def test_tasks(self):
        """Every read still knows them; only artifacts are not given out."""
        def completed(expires):
            task = self.create(deadline=expires, expires=expires)
            waits = self.create(dependencies=[task], taskGroupId=task, deadline=expires)
            by = self.claimed(task)["by"]
            self.post("/task/%s/runs/0/artifacts/a" % task, {
                "storageType": "link", "artifact": "b", "expires": expires}, by=by)
            self.given(self.report(task, "completed", by=by))
            self.wait_for_state(waits, "pending")
            return expires, task, waits

        expires, task, waits = self.before(completed)
        wait_until(lambda: in_seconds(0) > expires and self.say(
            "GET", "/task/%s/artifacts/a" % task).status == 410, "the artifact to expire")
        self.assertEqual(self.get("/task/" + task)["expires"], expires)
        self.assertEqual(self.status(task)["state"], "completed")
        for path in ("/tasks", "/tasks/status"):
            answer = self.post(path, {"taskIds": [task]})
            self.assertEqual([one["taskId"] for one in next(iter(answer.values()))], [task])
        listed = self.get("/task-group/%s/list" % task)["tasks"]
        self.assertEqual([one["status"]["taskId"] for one in listed], sorted([task, waits]))
        dependents = self.get("/task/%s/dependents" % task)["tasks"]
        self.assertEqual([one["status"]["taskId"] for one in dependents], [waits])
        for path in ("artifacts", "runs/0/artifacts"):
            found = self.get("/task/%s/%s" % (task, path))["artifacts"]
            self.assertEqual([one["name"] for one in found], ["a"])
        self.get("/task/%s/artifact-info/a" % task)
        # A repeated report is answered as ever.
        self.given(self.report(task, "completed", by=self.root))

    def test_workers_and_queues(self):
        """A quarantined worker outlives its queue: it is listed, but not found by its name."""
        def declared(expires):
            for name in ("well", "ill"):
                self.put("%s/%s/g/%s" % (self.types, self.worker_type, name), {"expires": expires})
            self.put(self.workers + "/g/ill", {"quarantineUntil": in_hours(1)})

        self.before(declared)
        paths = ("/task-queues/" + quoted(self.queue), self.types + "/" + self.worker_type,
                 "/provisioners/" + self.provisioner, self.workers + "/g/well",
                 self.workers + "/g/ill")
        for path in paths:
            wait_until(lambda path=path: self.say("GET", path).status == 404, path + " to expire")
            self.refused(self.say("GET", path), "ResourceNotFound")
        listed = self.get(self.workers)["workers"]
        self.assertEqual([one["workerId"] for one in listed], ["ill"])
        for path, rows, key, name in (
                ("/task-queues", "taskQueues", "taskQueueId", self.queue),
                (self.types, "workerTypes", "workerType", self.worker_type),
                ("/provisioners", "provisioners", "provisionerId", self.provisioner)):
            self.assertNotIn(name, [one[key] for one in self.get(path)[rows]])
        # Who has expired may still be kept from work, which brings the worker back for a day.
        put_away = self.put(self.workers + "/g/well", {"quarantineUntil": in_hours(1)})
        self.assertTrue(in_hours(23.9) < put_away["expires"] < in_hours(24.1), put_away)
        self.assertEqual(len(self.get(self.workers + "?quarantined=true")["workers"]), 2)
        # And whoever asks for work brings the queue back.
        self.claims(worker="new")
        for path in (*paths, self.workers + "/g/new"):
            self.get(path)


if __name__ == "__main__":
    unittest.main()
