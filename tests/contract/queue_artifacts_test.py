"""Artifacts: what may be created and changed, uploads and downloads of what is kept here, links,
errors, and what lists tell. Source: spec/queue.md, section 9."""

import gzip
import unittest
import urllib.parse

import hawk
from contract import quoted
from queue_support import QUEUE, QueueTest, in_hours, in_seconds, slugid

TEXT = {"contentType": "text/plain"}
S3 = {"storageType": "s3", **TEXT}
OBJECT = {"storageType": "object", **TEXT}
REFERENCE = {"storageType": "reference", "url": "https://example.com/x", **TEXT}
LINK = {"storageType": "link", "artifact": "public/target"}
ERROR = {"storageType": "error", "reason": "file-missing-on-worker", "message": "gone"}
ALL = (S3, OBJECT, REFERENCE, LINK, ERROR)
INVALID, INPUT, CONFLICT = "InputValidationError", "InputError", "RequestConflict"


class Artifacts(QueueTest):
    def setUp(self):
        super().setUp()
        self.expires = in_hours(2)
        self.task = self.create()
        self.by = self.claimed(self.task)["by"]

    def path(self, name, run=0, task=None, what="artifacts"):
        return "/task/%s/runs/%d/%s/%s" % (task or self.task, run, what, quoted(name))

    def everywhere(self, name, *whats):
        """Paths of it, of its run and of the latest."""
        return [path for what in whats for path in (
            self.path(name, what=what), "/task/%s/%s/%s" % (self.task, what, quoted(name)))]

    def make(self, name, artifact, *, by=None, task=None, run=0, **changes):
        return self.say("POST", self.path(name, run, task),
                        {"expires": self.expires, **artifact, **changes}, by=by or self.by)

    def created(self, name, artifact, **how):
        return self.given(self.make(name, artifact, **how))

    def finish(self, name, upload, **how):
        return self.say("PUT", self.path(name), {"uploadId": upload}, by=self.by, **how)

    def send(self, url, raw, kind="text/plain", **headers):
        """A PUT to an address that an answer gave."""
        parts = urllib.parse.urlsplit(url)
        return self.server.caller(check=None).call(
            "PUT", parts.path + "?" + parts.query, api="", raw=raw, content_type=kind,
            headers=headers)

    def fetch(self, url, verb="GET", **headers):
        parts = urllib.parse.urlsplit(url)
        return self.server.caller(check=None).call(
            verb, parts.path + "?" + parts.query, api="", headers=headers)

    def uploaded(self, name, raw, **how):
        self.assertIn(self.send(self.created(name, S3)["putUrl"], raw, **how).status, (200, 201, 204))

    def redirected(self, found, location):
        """What getArtifact answers with; headers are there over HTTP alone."""
        self.assertEqual((found.status, found.json), (303, location))
        if found.has_headers:
            self.assertEqual(found.headers["location"], location["url"])
            self.assertEqual(found.headers["x-taskcluster-artifact-storage-type"],
                             location["storageType"])

    # -- createArtifact

    def test_answers(self):
        for artifact in (REFERENCE, LINK, ERROR):
            self.assertEqual(self.created(artifact["storageType"], artifact),
                             {"storageType": artifact["storageType"]})
        s3 = self.created("public/s3", S3)
        self.assertEqual((s3["storageType"], s3["contentType"]), ("s3", "text/plain"))
        self.assertTrue(in_seconds(44 * 60) < s3["expires"] < in_seconds(46 * 60), s3["expires"])
        self.assertTrue(s3["putUrl"].startswith(self.server.root_url + "/blobs/"), s3["putUrl"])
        made = self.created("public/object", OBJECT)
        self.assertEqual((made["name"], made["projectId"], made["expires"]), (
            "t/%s/0/public/object" % self.task, "none", self.expires))
        self.assertEqual(made["credentials"]["clientId"],
                         "artifact-upload/%s/0/on/g/w" % self.task)

    def test_refusals(self):
        """The rows of 9.2, in their order."""
        pending = self.create()
        self.refused(self.make("a", REFERENCE, by=self.nobody), "InsufficientScopes")
        for artifact in ({**REFERENCE, "storageType": "none"}, {"storageType": "s3"},
                         {**REFERENCE, "url": "no url"}, {**REFERENCE, "more": 1},
                         {**ERROR, "reason": "because"}, {**ERROR, "message": "m" * 4097},
                         {**S3, "contentLength": -1}, {**S3, "contentType": "c" * 256},
                         {"storageType": "link"}, {**REFERENCE, "expires": "never"}):
            with self.subTest(artifact=artifact):
                self.refused(self.make("a", artifact, by=self.root), INVALID)
        self.refused(self.make("a", REFERENCE, expires=in_hours(-1)), INPUT)
        self.refused(self.make("a", REFERENCE, by=self.root, task=slugid()), INPUT)
        self.refused(self.make("a", REFERENCE, by=self.root, run=7), INPUT)
        self.refused(self.make("a", REFERENCE, by=self.root, task=pending), INPUT)
        self.refused(self.make("a", REFERENCE, expires="2999-01-01T00:00:00.000Z"), INPUT)
        self.assertEqual(self.make("n" * 1025, REFERENCE).status, 400)
        self.refused(self.say("POST", self.path("caf\u00e9"), {**REFERENCE,
                                                               "expires": self.expires}),
                     "InvalidRequestArguments")
        self.created("n" * 1024, REFERENCE)
        self.given(self.report(self.task, "completed"))
        self.refused(self.make("a", REFERENCE), CONFLICT)

    def test_of_a_run_that_ended_as_exception(self):
        self.given(self.report(self.task, "exception", reason="worker-shutdown"))
        self.created("late", REFERENCE)
        self.claimed(self.task, 1)
        self.created("later", REFERENCE)

    def test_changes(self):
        """The rows of 9.3: what replaces what."""
        other = {"s3": {**S3, "contentType": "a/b"}, "error": {**ERROR, "message": "other"},
                 "link": {**LINK, "artifact": "other"},
                 "reference": {**REFERENCE, "contentType": "a/b"},
                 "object": {**OBJECT, "contentType": "a/b"}}
        for first in ALL:
            kind = first["storageType"]
            for second in (*ALL, other[kind]):
                name = slugid()
                self.created(name, first)
                allowed = second == first or (kind, second["storageType"]) == ("reference", "link")
                with self.subTest(first=first, second=second):
                    answer = self.make(name, second, expires=self.expires)
                    if allowed:
                        self.given(answer)
                    else:
                        self.refused(answer, CONFLICT)
            name = slugid()
            self.created(name, first)
            with self.subTest(shorter=first):
                self.refused(self.make(name, first, expires=in_hours(1)), CONFLICT)
            if kind != "object":
                self.created(name, first, expires=in_hours(3))
        self.created("url", REFERENCE)
        self.created("url", {**REFERENCE, "url": "https://example.com/y"})
        self.created("type", LINK)
        self.created("type", {**LINK, "contentType": "a/b"})

    def test_what_a_change_keeps(self):
        """Type and length are those of the first; 9.3."""
        later = in_hours(3)
        for name, first, second, kept in (
                ("link", LINK, {**LINK, "contentType": "a/b"}, "application/binary"),
                ("typed", {**LINK, "contentType": "a/b"}, LINK, "a/b"),
                ("reference", REFERENCE, {**LINK, "contentType": "a/b"}, "text/plain"),
                ("url", REFERENCE, {**REFERENCE, "url": "https://example.com/y"}, "text/plain")):
            with self.subTest(name=name):
                self.created(name, first)
                self.created(name, second, expires=later)
                info = self.get(self.path(name, what="artifact-info"))
                self.assertEqual(info, {"storageType": second["storageType"], "name": name,
                                        "expires": later, "contentType": kept})
        self.assertEqual(self.say("GET", self.path("url")).json["url"], "https://example.com/y")
        self.created("s3", S3, contentLength=7)
        for length in ({}, {"contentLength": 8}):
            with self.subTest(length=length):
                self.created("s3", S3, expires=later, **length)
                info = self.get(self.path("s3", what="artifact-info"))
                self.assertEqual(info["contentLength"], 7)

    def test_repeated_uploads(self):
        first, second = (self.created("public/object", OBJECT) for _ in range(2))
        self.assertEqual(first["uploadId"], second["uploadId"])
        self.assertTrue(self.created("public/s3", S3)["putUrl"])
        self.assertTrue(self.created("public/s3", S3)["putUrl"])

    # -- finishArtifact

    def test_finish(self):
        """The rows of 9.4, in their order."""
        upload = self.created("public/o", OBJECT)["uploadId"]
        self.refused(self.say("PUT", self.path("public/o"), {}, by=self.by), INVALID)
        self.refused(self.finish("none", upload), "ResourceNotFound")
        self.created("public/r", REFERENCE)
        self.refused(self.finish("public/r", upload), INPUT)
        self.refused(self.finish("public/o", slugid()), INPUT)
        # Nothing has been uploaded.
        self.refused(self.finish("public/o", upload), INPUT)
        listed = self.get("/task/%s/artifacts" % self.task)["artifacts"]
        self.assertEqual([a["name"] for a in listed], ["public/o", "public/r"])
        for path in self.everywhere("public/o", "artifact-info", "artifacts", "artifact-content"):
            with self.subTest(path=path):
                self.refused(self.say("GET", path), "ResourceNotFound")

    # -- bytes

    def test_bytes(self):
        """Up and down, with ranges, as they were sent."""
        raw = bytes(range(256)) * 100
        self.uploaded("public/bytes", raw)
        found = self.say("GET", self.path("public/bytes"))
        url = found.json["url"]
        self.redirected(found, {"storageType": "s3", "url": url})
        self.assertTrue(url.startswith(self.server.root_url + "/blobs/"), url)
        whole = self.fetch(url)
        self.assertEqual((whole.status, whole.raw, whole.headers["content-type"]),
                         (200, raw, "text/plain"))
        part = self.fetch(url, Range="bytes=100-199")
        self.assertEqual((part.status, part.raw), (206, raw[100:200]))
        self.assertEqual(part.headers["content-range"], "bytes 100-199/%d" % len(raw))
        self.assertEqual(self.fetch(url, Range="bytes=-10").raw, raw[-10:])
        self.assertEqual(self.fetch(url, Range="bytes=99999999-").status, 416)
        head = self.fetch(url, verb="HEAD")
        self.assertEqual((head.status, head.raw), (200, b""))
        info = self.get(self.path("public/bytes", what="artifact-info"))
        self.assertEqual((info["storageType"], info["contentType"]), ("s3", "text/plain"))

    def test_compressed_bytes(self):
        """They keep the encoding in which the worker sent them."""
        raw = gzip.compress(b"a log\n" * 1000)
        self.uploaded("public/log", raw, **{"Content-Encoding": "gzip"})
        got = self.fetch(self.say("GET", self.path("public/log")).json["url"],
                         **{"Accept-Encoding": "gzip"})
        self.assertEqual((got.headers["content-encoding"], got.raw), ("gzip", raw))

    def test_signed_urls(self):
        put = self.created("private/a", S3)["putUrl"]
        self.assertEqual(self.send(put, b"x", kind="other/type").status // 100, 4)
        self.assertEqual(self.send(put.replace("private", "public"), b"x").status // 100, 4)
        self.assertEqual(self.send(put[:-2] + "xx", b"x").status // 100, 4)
        self.assertEqual(self.fetch(put).status // 100, 4)
        self.assertIn(self.send(put, b"x").status, (200, 201, 204))
        url = self.say("GET", self.path("private/a")).json["url"]
        self.assertEqual(self.fetch(url).raw, b"x")
        self.assertEqual(self.fetch(url.split("?")[0]).status // 100, 4)
        self.assertEqual(self.send(url, b"y").status // 100, 4)

    # -- getArtifact, artifact

    def test_kinds(self):
        """What each of them answers with."""
        for artifact in (REFERENCE, ERROR, {**LINK, "artifact": "reference"}):
            self.created(artifact["storageType"], artifact)
        for latest in (False, True):
            def path(name, what="artifacts"):
                return "/task/%s/%s/%s" % (self.task, what, name) if latest else \
                    self.path(name, what=what)

            for name in ("reference", "link"):
                found = self.say("GET", path(name))
                self.redirected(found, {"storageType": "reference", "url": REFERENCE["url"]})
                self.assertEqual(self.get(path(name, "artifact-content")), found.json)
            why = {"reason": "file-missing-on-worker", "message": "gone"}
            self.assertEqual(self.get(path("error", "artifact-content")),
                             {"storageType": "error", **why})
            self.assertEqual(self.get(path("link", "artifact-info"))["storageType"], "link")
            with self.subTest(latest=latest):
                failed = self.say("GET", path("error"))
                self.assertEqual((failed.status, failed.json), (424, why))
                if failed.has_headers:
                    self.assertNotIn("location", failed.headers)
                    self.assertEqual(failed.headers["x-taskcluster-artifact-storage-type"],
                                     "error")

    def test_links(self):
        for name, target in (("public/one", "public/two"), ("public/two", "private/three"),
                             ("a", "b"), ("b", "a"), ("nowhere", "none")):
            self.created(name, {**LINK, "artifact": target})
        self.created("private/three", REFERENCE)
        self.created("itself", {**LINK, "artifact": "itself"})
        whats = ("artifacts", "artifact-content")
        for name, code in (("a", INPUT), ("itself", INPUT), ("nowhere", "ResourceNotFound")):
            for path in self.everywhere(name, *whats):
                with self.subTest(path=path):
                    self.refused(self.say("GET", path), code)
        # Who may not have a name on the way is told no more.
        by = self.caller("queue:get-artifact:a")
        for path in self.everywhere("a", *whats):
            self.refused(self.say("GET", path, by=by), "InsufficientScopes")
        some = self.caller("queue:get-artifact:public/*")
        enough = self.caller("queue:get-artifact:public/*", "queue:get-artifact:private/three")
        for path in self.everywhere("public/one", *whats):
            with self.subTest(path=path):
                answer = self.say("GET", path, by=some)
                self.refused(answer, "InsufficientScopes")
                self.assertIn("queue:get-artifact:private/three", answer.json["message"])
                self.assertIn(self.say("GET", path, by=enough).status, (200, 303))

    def test_a_chain_of_links(self):
        for i in range(33):
            self.created("link-%d" % i, {**LINK, "artifact": "link-%d" % (i + 1)})
        self.created("link-33", REFERENCE)
        for path in self.everywhere("link-1", "artifacts", "artifact-content"):
            self.assertIn(self.say("GET", path).status, (200, 303))
        for path in self.everywhere("link-0", "artifacts", "artifact-content"):
            self.refused(self.say("GET", path), INPUT)

    def test_signed_requests(self):
        """A URL that is signed by who may have it is good for anybody."""
        self.created("private/x", REFERENCE)
        path = QUEUE + self.path("private/x")
        self.refused(self.nobody.get(path, api=""), "InsufficientScopes")
        signed = hawk.signed_url(self.root.credentials, path, self.root.host, self.root.port,
                                 hawk.now_seconds() + 60)
        self.assertEqual(self.nobody.get(signed, api="").status, 303)

    def test_what_is_not_there(self):
        unknown, bare = slugid(), self.create(dependencies=[self.task])
        for task, run in ((unknown, 0), (self.task, 7), (self.task, 0), (bare, 0)):
            for what in ("artifacts", "artifact-info", "artifact-content"):
                with self.subTest(task=task, run=run, what=what):
                    self.refused(self.say("GET", self.path("none", run, task, what)),
                                 "ResourceNotFound")
                    self.refused(self.say("GET", "/task/%s/%s/none" % (task, what)),
                                 "ResourceNotFound")
        for path in ("/task/%s/runs/0/artifacts" % unknown, "/task/%s/artifacts" % unknown,
                     "/task/%s/runs/7/artifacts" % self.task, "/task/%s/artifacts" % bare,
                     "/task/%s/runs/0/artifacts" % bare):
            self.refused(self.say("GET", path), "ResourceNotFound")
        self.refused(self.say("GET", "/task/%s/artifact-content/x" % unknown, by=self.nobody),
                     "ResourceNotFound")
        self.refused(self.say("GET", "/task/%s/artifacts/x" % unknown, by=self.nobody),
                     "InsufficientScopes")

    def test_names_that_none_can_have(self):
        for name in ("%7F", "a%0Ab", "%C3%A9"):
            for what in ("artifacts", "artifact-info", "artifact-content"):
                with self.subTest(name=name, what=what):
                    self.refused(self.say("GET", self.path("", what=what) + name),
                                 "InvalidRequestArguments")
                    self.refused(self.say("GET", "/task/%s/%s/%s" % (self.task, what, name)),
                                 "InvalidRequestArguments")

    def test_expired(self):
        self.created("soon", REFERENCE, expires=in_seconds(-1))
        self.created("link", {**LINK, "artifact": "soon"})
        self.created("late", {**LINK, "artifact": "reference"}, expires=in_seconds(-1))
        self.created("reference", REFERENCE)
        for name in ("soon", "link", "late"):
            for path in self.everywhere(name, "artifacts", "artifact-content"):
                with self.subTest(path=path):
                    self.refused(self.say("GET", path), "ResourceExpired")
                    self.refused(self.say("GET", path, by=self.nobody), "InsufficientScopes")
            for path in self.everywhere(name, "artifact-info"):
                self.get(path)

    def test_names_with_slashes(self):
        """As clients write them, and as browsers do."""
        self.created("a/b c/d", REFERENCE)
        for name in ("a%2Fb%20c%2Fd", "a/b%20c/d"):
            for what in ("artifacts", "artifact-info", "artifact-content"):
                answer = self.say("GET", "/task/%s/runs/0/%s/%s" % (self.task, what, name))
                self.assertIn(answer.status, (200, 303), answer)

    def test_lists(self):
        names = sorted("public/%d" % i for i in range(5))
        for name in reversed(names):
            self.created(name, S3, contentLength=7)
        for path in ("/task/%s/runs/0/artifacts" % self.task, "/task/%s/artifacts" % self.task):
            found, query = [], "?limit=2"
            while query:
                page = self.get(path + query)
                found += page["artifacts"]
                token = page.get("continuationToken")
                query = token and "?limit=2&continuationToken=" + quoted(token)
            self.assertEqual([one["name"] for one in found], names)
            self.assertEqual(found[0], {"storageType": "s3", "name": names[0], "contentLength": 7,
                                        "expires": self.expires, "contentType": "text/plain"})
            self.assertEqual(self.get(path + "?limit=0"), {"artifacts": []})

    def test_scopes(self):
        self.created("public/a", REFERENCE)
        for path, scope in ((self.path("public/a"), "queue:get-artifact:public/a"),
                            (self.path("public/a", what="artifact-info"),
                             "queue:list-artifacts:%s:0" % self.task),
                            ("/task/%s/artifact-info/public/a" % self.task,
                             "queue:list-artifacts:" + self.task),
                            ("/task/%s/artifacts" % self.task, "queue:list-artifacts:" + self.task),
                            ("/task/%s/runs/0/artifacts" % self.task,
                             "queue:list-artifacts:%s:0" % self.task)):
            with self.subTest(path=path):
                self.assertIn(self.say("GET", path, by=self.caller(scope)).status, (200, 303))
                self.refused(self.say("GET", path, by=self.caller(scope + "x")),
                             "InsufficientScopes")


if __name__ == "__main__":
    unittest.main()
