"""A start on data of an earlier program, which told nobody who uses which blob and gave tasks no
timer for their end: both are made known, once, wherever the server is killed meanwhile. The data is
made by this program, and what an earlier one did not write is taken away."""

import hashlib
import http.client
import os
import re
import subprocess
import unittest
import urllib.parse

from contract import quoted
from platform_under_test import read, wait_until
from queue_support import QueueTest, in_hours, in_seconds, slugid

FORGET = os.environ["TROUPE_FORGET"]
OBJECT = "/api/object/v1"
TASKS = 40
ARTIFACTS = 3  # of each
ADOPTED = "tasks_adopted"


class EarlierData(QueueTest):
    settings = {**QueueTest.settings, "TROUPE_QUEUE_EXPIRATION_DELAY": "0s",
                "TROUPE_QUEUE_DEADLINE_DELAY": "0s", "TROUPE_ARTIFACTS_GARBAGE_DELAY": "1s"}

    def setUp(self):
        super().setUp()
        if self.server.server.poll() is not None:
            self.start()

    def send(self, verb, url, body=None):
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        try:
            connection.request(verb, parts.path + "?" + parts.query, body,
                               {"Content-Type": "text/plain"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def artifact(self, task, name, body, expires):
        made = self.post("/task/%s/runs/0/artifacts/%s" % (task, quoted(name)),
                         {"storageType": "s3", "contentType": "text/plain", "expires": expires})
        self.assertEqual(self.send("PUT", made["putUrl"], body)[0], 200)

    def fetched(self, task, name):
        found = self.say("GET", "/task/%s/runs/0/artifacts/%s" % (task, quoted(name)))
        self.assertEqual(found.status, 303, found)
        return self.send("GET", found.json["url"])

    def ended(self, bodies, **changes):
        """A completed task with these artifacts."""
        task = self.create(**changes)
        claim = self.claimed(task)
        expires = changes.get("expires", in_hours(2))
        for name, body in bodies.items():
            self.artifact(task, name, body, expires)
        self.given(self.report(task, "completed", by=claim["by"]))
        return task

    def object(self, name, body):
        """An object of the object service."""
        upload = {"projectId": "p", "uploadId": slugid()}
        made = self.given(self.root.put("/upload/" + quoted(name), {
            **upload, "expires": in_hours(2), "proposedUploadMethods": {"putUrl": {
                "contentType": "text/plain", "contentLength": len(body)}}}, api=OBJECT))
        self.assertEqual(self.send("PUT", made["uploadMethod"]["putUrl"]["url"], body)[0], 200)
        self.given(self.root.post("/finish-upload/" + quoted(name), {
            **upload, "hashes": {"sha256": hashlib.sha256(body).hexdigest()}}, api=OBJECT))

    def fetched_object(self, name):
        made = self.given(self.root.put("/start-download/" + quoted(name), {
            "acceptDownloadMethods": {"simple": True}}, api=OBJECT))
        return self.send("GET", made["url"])

    def blobs(self):
        folder = os.path.join(self.server.data, "blobs", "sha256")
        return {name for _, _, names in os.walk(folder) for name in names}

    def adoptions(self):
        """How many tasks, each time that the server found some."""
        lines = read(os.path.join(self.server.dir, "server.log")).splitlines()
        return [int(re.search(r'"tasks":"?(\d+)', line).group(1)) for line in lines
                if ADOPTED in line]

    def forget(self):
        """Stops the server and takes away what an earlier program did not write."""
        self.assertEqual(self.server.stop(), 0)
        done = subprocess.run([FORGET, self.server.data], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = re.fullmatch(r"(\d+) references, (\d+) timers\n", done.stdout)
        return int(found.group(1)), int(found.group(2))

    def start(self):
        self.server.start()
        type(self).root = self.server.caller(self.server.credentials())

    def wait_until_adopted(self):
        """A blob that nobody needs is removed only after the pass."""
        before = self.blobs()
        self.before(lambda expires: self.ended(
            {"public/own": b"for a moment: %r" % slugid().encode()}, deadline=expires,
            expires=expires), 3)
        wait_until(lambda: self.blobs() != before, "the blob to be there")
        wait_until(lambda: self.blobs() == before, "its blob to go")

    def check_whole(self):
        self.assertEqual(self.server.stop(), 0)
        said = self.server.run("check", "--blobs", check=False)
        self.assertIn("is whole", said.stdout, said.stderr)

    def test_it_is_adopted(self):
        shared = b"what two tasks have"
        kept = self.ended({"public/shared": shared, "public/own": b"kept alone"})
        self.object("an/object", b"an object's")
        before = self.blobs()
        # It ends soon, but not before the server is stopped.
        ending = self.ended({"public/shared": shared, "public/own": b"ending alone"},
                            deadline=in_seconds(19), expires=in_seconds(20))
        gone = self.blobs() - before
        self.assertEqual(len(gone), 1)
        self.get("/task/" + ending)
        self.assertEqual(self.forget(), (5, 2))
        self.assertIn("is whole", self.server.run("check", "--blobs"))  # such data is good, too
        self.start()
        wait_until(lambda: self.adoptions() == [2], "the tasks to be found")
        wait_until(lambda: self.say("GET", "/task/" + ending).status == 404, "the task to end")
        wait_until(lambda: not self.blobs() & gone, "its blob to go")
        self.assertEqual(self.blobs(), before)
        self.assertEqual(self.fetched(kept, "public/shared"), (200, shared))
        self.assertEqual(self.fetched(kept, "public/own"), (200, b"kept alone"))
        self.assertEqual(self.fetched_object("an/object"), (200, b"an object's"))
        self.check_whole()

        self.start()
        self.wait_until_adopted()
        self.assertEqual(self.adoptions(), [2])  # there was nothing to do
        self.check_whole()

    def test_killed_meanwhile(self):
        """What was not told of when it was killed is found by the next start."""
        bodies = {"public/%d" % i: b"%d" % i for i in range(ARTIFACTS)}
        tasks = [self.ended({**bodies, "public/own": b"of %d" % i}) for i in range(TASKS)]
        before = self.blobs()
        for _ in range(2):
            references, timers = self.forget()
            self.assertGreaterEqual(references, TASKS * (ARTIFACTS + 1))
            self.assertGreaterEqual(timers, TASKS)
            earlier = len(self.adoptions())
            self.server.start()
            wait_until(lambda: len(self.adoptions()) > earlier, "tasks to be adopted")
            self.server.kill()
            self.start()
            self.wait_until_adopted()
            self.assertEqual(self.blobs(), before)
            for i, task in enumerate(tasks):
                self.assertEqual(self.fetched(task, "public/own"), (200, b"of %d" % i))
            self.check_whole()
            self.start()


if __name__ == "__main__":
    unittest.main()
