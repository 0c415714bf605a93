"""Artifacts of every storage type over HTTP: what createArtifact answers, the bytes that are sent
and fetched under signed URLs, and what is refused. Source: spec/queue.md, section 9."""

import base64
import glob
import gzip
import hashlib
import hmac
import http.client
import json
import os
import socket
import time
import unittest
import urllib.parse

import schemas
from contract import ContractTest, quoted
from platform_under_test import wait_until
from queue_test import definition, in_hours, slugid

QUEUE = "/api/queue/v1"
OBJECT = "/api/object/v1"
TEXT = {"contentType": "text/plain"}
LINKS_MAX = 32


class Blobs:
    """Bare HTTP to signed URLs."""

    def __init__(self, server):
        self.server = server

    def send(self, verb, url, body=None, **headers):
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(verb, parts.path + "?" + parts.query, body, sent)
            response = connection.getresponse()
            return response.status, response.read(), response.headers
        finally:
            connection.close()

    def put(self, url, body, content_type="text/plain", **headers):
        return self.send("PUT", url, body, Content_Type=content_type, **headers)

    def get(self, url, **headers):
        return self.send("GET", url, **headers)

    def begin_put(self, url, headers):
        """A connection on which a PUT has begun."""
        parts = urllib.parse.urlsplit(url)
        peer = socket.create_connection((parts.hostname, parts.port), timeout=120)
        peer.sendall(("PUT %s?%s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (
            parts.path, parts.query, headers)).encode())
        return peer


def signed_url(server, verb, path, expires_ms, content_type=""):
    """A URL as the server itself would sign it."""
    with open(os.path.join(server.data, "keys.json")) as file:
        ring = json.load(file)
    key, = (k["key"] for k in ring["keys"] if k["id"] == ring["current"])
    mac = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
    text = "%s\n%d\n\n0:\n%d:%s\n%s" % (verb, expires_ms, len(path), path, content_type)
    for part in ("troupe signature 1\nblobs", text):
        mac = hmac.new(mac, part.encode(), hashlib.sha256).digest()
    query = {"expires": str(expires_ms), "signature": mac.hex()}
    if content_type:
        query["type"] = content_type
    return "%s/blobs/%s?%s" % (server.root_url, path, urllib.parse.urlencode(query))


def altered(url, **changes):
    """The URL with other values of its query."""
    parts = urllib.parse.urlsplit(url)
    query = {**dict(urllib.parse.parse_qsl(parts.query)), **changes}
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query)))


class ArtifactTest(ContractTest):
    """With a run of `self.task` that goes on."""

    workers = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.blobs = Blobs(cls.server)
        cls.task = slugid()
        body = definition(taskQueueId="local/default",
                          payload={"command": [["sleep", "900"]], "maxRunTime": 900})
        made = cls.root.put("/task/" + cls.task, body, api=QUEUE)
        if made.status != 200:
            raise AssertionError("cannot create a task: %r" % made)
        wait_until(lambda: cls.status()["state"] == "running", "a worker's claim")

    @classmethod
    def status(cls):
        return cls.root.get("/task/%s/status" % cls.task, api=QUEUE).json["status"]

    def run_path(self, name, what="artifacts", run=0, task=None):
        return "/task/%s/runs/%s/%s/%s" % (task or self.task, run, what, quoted(name))

    def create(self, name, storage, by=None, run=0, task=None, **fields):
        body = {"storageType": storage, "expires": in_hours(1), **fields}
        if storage in ("s3", "object", "reference"):
            body.setdefault("contentType", "text/plain")
        return (by or self.root).post(self.run_path(name, run=run, task=task), body, api=QUEUE)

    def created(self, name, storage, **fields):
        answer = self.given(self.create(name, storage, **fields))
        self.assertEqual(schemas.problems(answer, "/schemas/queue/v1/post-artifact-response.json"),
                         [])
        self.assertEqual(answer["storageType"], storage)
        return answer

    def got(self, name, status=303, by=None):
        """getArtifact's body and headers."""
        answer = (by or self.root).get(self.run_path(name), api=QUEUE)
        self.assertEqual(answer.status, status, answer)
        return answer.json, answer.headers

    def content(self, name):
        answer = self.given(self.root.get(self.run_path(name, "artifact-content"), api=QUEUE))
        self.assertEqual(
            schemas.problems(answer, "/schemas/queue/v1/artifact-content-response.json"), [])
        return answer

    def info(self, name):
        return self.given(self.root.get(self.run_path(name, "artifact-info"), api=QUEUE))

    def uploaded(self, name, body, content_type="text/plain", **headers):
        url = self.created(name, "s3", contentType=content_type)["putUrl"]
        status, said, answered = self.blobs.put(url, body, content_type, **headers)
        self.assertEqual((status, said), (200, b""))
        self.assertTrue(answered["etag"])
        return self.got(name)[0]["url"]


class Artifacts(ArtifactTest):
    def test_s3(self):
        body = os.urandom(700_000)
        made = self.created("public/a b%2F?.bin", "s3", contentType="application/x-thing")
        self.assertEqual(made["contentType"], "application/x-thing")
        url = made["putUrl"]
        self.assertNotIn("contentLength", self.info("public/a b%2F?.bin"))
        location, headers = self.got("public/a b%2F?.bin")
        self.assertEqual(headers["location"], location["url"])
        self.assertEqual(headers["x-taskcluster-artifact-storage-type"], "s3")
        self.assertEqual(self.blobs.get(location["url"])[0], 404)  # no bytes yet
        status, said, answered = self.blobs.put(url, body, "application/x-thing")
        self.assertEqual((status, said), (200, b""))
        status, fetched, headers = self.blobs.get(location["url"])
        self.assertEqual((status, fetched == body), (200, True))
        self.assertEqual(headers["content-type"], "application/x-thing")
        self.assertEqual(headers["content-length"], str(len(body)))
        self.assertEqual(headers["etag"], answered["etag"])
        self.assertNotIn("content-encoding", headers)
        self.assertEqual(self.info("public/a b%2F?.bin")["contentLength"], len(body))
        content = self.content("public/a b%2F?.bin")
        self.assertEqual(self.blobs.get(content["url"])[1], body)
        # The same bytes again, and others, as long as the URL is good.
        self.assertEqual(self.blobs.put(url, b"new", "application/x-thing")[0], 200)
        self.assertEqual(self.blobs.get(location["url"])[1], b"new")

    def test_ranges_and_conditions(self):
        url = self.uploaded("public/ranges", b"0123456789")
        for header, part, content_range in (("bytes=2-4", b"234", "bytes 2-4/10"),
                                            ("bytes=7-", b"789", "bytes 7-9/10"),
                                            ("bytes=-1", b"9", "bytes 9-9/10"),
                                            ("bytes=5-99", b"56789", "bytes 5-9/10")):
            status, body, headers = self.blobs.get(url, Range=header)
            self.assertEqual((status, body, headers["content-range"]), (206, part, content_range))
        status, body, headers = self.blobs.get(url, Range="bytes=10-")
        self.assertEqual((status, headers["content-range"]), (416, "bytes */10"))
        status, body, headers = self.blobs.get(url, Range="bytes=0-1,4-5")
        self.assertEqual((status, body), (200, b"0123456789"))
        tag = headers["etag"]
        self.assertEqual(self.blobs.get(url, Range="bytes=0-1", If_Range=tag)[:2], (206, b"01"))
        self.assertEqual(self.blobs.get(url, Range="bytes=0-1", If_Range='"x"')[0], 200)
        status, body, headers = self.blobs.get(url, If_None_Match=tag)
        self.assertEqual((status, body, headers["etag"]), (304, b"", tag))
        status, body, headers = self.blobs.send("HEAD", url)
        self.assertEqual((status, body, headers["content-length"]), (200, b"", "10"))
        self.assertEqual(headers["accept-ranges"], "bytes")
        self.assertIn("sandbox", headers["content-security-policy"])

    def test_codings(self):
        packed = gzip.compress(b"text " * 1000)
        url = self.uploaded("public/packed", packed, Content_Encoding="gzip")
        status, body, headers = self.blobs.get(url)
        self.assertEqual((status, body, headers["content-encoding"]), (200, packed, "gzip"))
        self.assertNotIn("contentLength", self.info("public/packed"))
        # Whoever gets it over RPC gets what was packed.
        self.server.run("task", "download", self.task, "public/packed", "--output",
                        self.server.dir)
        with open(os.path.join(self.server.dir, "public", "packed"), "rb") as file:
            self.assertEqual(file.read(), b"text " * 1000)
        url = self.created("public/coded", "s3", contentLength=4)["putUrl"]
        self.assertEqual(self.blobs.put(url, packed, Content_Encoding="gzip")[0], 200)
        self.assertEqual(self.blobs.put(url, b"four", Content_Encoding="br")[0], 400)

    def test_lengths(self):
        url = self.created("public/four", "s3", contentLength=4)["putUrl"]
        self.assertEqual(self.blobs.put(url, b"12345")[0], 400)
        # Without a length it goes in chunks.
        self.assertEqual(self.blobs.put(url, iter([b"123", b"45"]))[0], 400)
        self.assertEqual(self.blobs.get(self.got("public/four")[0]["url"])[0], 404)
        with self.blobs.begin_put(url, "Content-Type: text/plain\r\n") as peer:
            self.assertIn(b" 411 ", peer.recv(1000))
        with self.blobs.begin_put(url, "Content-Type: text/plain\r\nContent-Length: 4\r\n") as peer:
            peer.sendall(b"12")
        self.assertEqual(self.blobs.get(self.got("public/four")[0]["url"])[0], 404)
        self.assertEqual(self.blobs.put(url, iter([b"12", b"34"]))[0], 200)
        self.assertEqual(self.info("public/four")["contentLength"], 4)
        url = self.created("public/empty", "s3")["putUrl"]
        self.assertEqual(self.blobs.put(url, b"")[0], 200)
        self.assertEqual(self.blobs.get(self.got("public/empty")[0]["url"])[:2], (200, b""))

    def test_signatures(self):
        url = self.created("public/signed", "s3")["putUrl"]
        for content_type in ("text/html", "text/plain; charset=utf-8", ""):
            self.assertEqual(self.blobs.put(url, b"x", content_type)[0], 400)
        for change in ({"type": "text/html"}, {"expires": "9999999999999"}, {"signature": "0" * 64},
                       {"signature": ""}, {"length": "1"}, {"upload": "x"}, {"more": "x"}):
            with self.subTest(change=change):
                self.assertEqual(self.blobs.put(altered(url, **change), b"x")[0], 403)
        for old, new in (("public/signed", "public/other"), ("/0/", "/1/"), ("/0/", "/00/"),
                         (self.task, slugid())):
            with self.subTest(new=new):
                self.assertEqual(self.blobs.put(url.replace(old, new, 1), b"x")[0], 403)
        self.assertEqual(self.blobs.get(url)[0], 403)  # it is for a PUT
        self.assertEqual(self.blobs.put(url, b"x")[0], 200)
        fetch = self.got("public/signed")[0]["url"]
        self.assertEqual(self.blobs.put(fetch, b"y", "")[0], 403)
        self.assertEqual(self.blobs.get(fetch.split("?")[0])[0], 403)
        self.assertEqual(self.blobs.get(fetch)[:2], (200, b"x"))

    def test_expired_signatures(self):
        self.uploaded("public/late", b"x")
        path = "artifacts/%s/0/public/late" % self.task
        now = int(time.time() * 1000)
        for expires, status in ((now + 60000, 200), (now - 1000, 403)):
            self.assertEqual(self.blobs.get(signed_url(self.server, "GET", path, expires))[0],
                             status)
            url = signed_url(self.server, "PUT", path, expires, "text/plain")
            self.assertEqual(self.blobs.put(url, b"x")[0], status)

    def test_names_that_clients_would_tidy(self):
        for name in ("public//a", "public/./a", "public/../a", "/a", "a/", "a/..", "public/%2e/a"):
            with self.subTest(name=name):
                url = self.uploaded(name, name.encode())
                path = urllib.parse.urlsplit(url).path
                self.assertEqual(os.path.normpath(path), path)
                self.assertEqual(self.blobs.get(url)[:2], (200, name.encode()))

    def test_types_that_no_header_holds(self):
        url = self.created("public/odd", "s3", contentType="text/plain\r\nx-evil: 1")["putUrl"]
        self.assertEqual(self.blobs.put(url, b"x")[0], 400)
        self.created("public/odd-reference", "reference", url="http://x.example/\r\nx-evil:1")
        location, headers = self.got("public/odd-reference")
        self.assertNotIn("x-evil", headers)
        self.assertEqual(location["url"], "http://x.example/\r\nx-evil:1")

    def test_reference_link_and_error(self):
        url = "https://example.com/x?y"
        self.created("public/ref", "reference", url=url)
        self.created("public/link", "link", artifact="public/ref")
        self.created("public/far", "link", artifact="public/link")
        self.created("public/err", "error", reason="file-missing-on-worker", message="gone")
        for name in ("public/ref", "public/link", "public/far"):
            location, headers = self.got(name)
            self.assertEqual(location, {"storageType": "reference", "url": url})
            self.assertEqual((headers["location"], headers["x-taskcluster-artifact-storage-type"]),
                             (url, "reference"))
            self.assertEqual(self.content(name), location)
        gone, headers = self.got("public/err", 424)
        self.assertEqual(gone, {"reason": "file-missing-on-worker", "message": "gone"})
        self.assertEqual(headers["x-taskcluster-artifact-storage-type"], "error")
        self.assertNotIn("location", headers)
        self.assertEqual(self.content("public/err"), {"storageType": "error", **gone})
        self.assertEqual(self.info("public/link")["contentType"], "application/binary")
        self.assertEqual(self.info("public/link")["storageType"], "link")
        latest = self.root.get("/task/%s/artifacts/%s" % (self.task, quoted("public/ref")),
                               api=QUEUE)
        self.assertEqual((latest.status, latest.headers["location"]), (303, url))
        latest = self.given(self.root.get("/task/%s/artifact-content/%s" % (
            self.task, quoted("public/link")), api=QUEUE))
        self.assertEqual(latest["url"], url)

    def test_links_in_a_circle(self):
        self.created("public/1", "link", artifact="public/2")
        self.created("public/2", "link", artifact="public/1")
        self.created("public/nowhere", "link", artifact="public/none")
        for what in ("artifacts", "artifact-content"):
            circle = self.root.get(self.run_path("public/1", what), api=QUEUE)
            self.refused(circle, "InputError")
            self.refused(self.root.get(self.run_path("public/nowhere", what), api=QUEUE),
                         "ResourceNotFound")

    def test_links_that_lead_too_far(self):
        for i in range(LINKS_MAX + 1):
            self.created("public/far/%d" % i, "link", artifact="public/far/%d" % (i + 1))
        url = "https://example.com/far"
        self.created("public/far/%d" % (LINKS_MAX + 1), "reference", url=url)
        for what in ("artifacts", "artifact-content"):
            refused = self.refused(self.root.get(self.run_path("public/far/0", what), api=QUEUE),
                                   "InputError")
            self.assertIn("more than 32 links", refused["message"])
        self.assertEqual(self.content("public/far/1"), {"storageType": "reference", "url": url})

    def test_every_name_of_a_link_needs_its_scope(self):
        self.created("private/secret", "reference", url="https://example.com/s")
        self.created("public/door", "link", artifact="private/secret")
        some = self.caller("queue:get-artifact:public/*")
        both = self.caller("queue:get-artifact:public/*", "queue:get-artifact:private/*")
        for what in ("artifacts", "artifact-content"):
            refused = self.refused(some.get(self.run_path("public/door", what), api=QUEUE),
                                   "InsufficientScopes")
            for name in ("public/door", "private/secret"):
                self.assertIn("queue:get-artifact:" + name, refused["message"])
            self.assertIn(both.get(self.run_path("public/door", what), api=QUEUE).status,
                          (200, 303))

    def test_unknown(self):
        nobody = self.caller("some:scope")
        unknown = slugid()
        for path in (self.run_path("x"), self.run_path("x", run=7),
                     self.run_path("x", task=unknown), self.run_path("x", "artifact-content"),
                     "/task/%s/artifacts/x" % unknown):
            self.refused(self.root.get(path, api=QUEUE), "ResourceNotFound")
            self.refused(nobody.get(path, api=QUEUE), "InsufficientScopes")
        # This one tells first, and asks who it is afterwards.
        self.refused(nobody.get("/task/%s/artifact-content/x" % unknown, api=QUEUE),
                     "ResourceNotFound")
        self.refused(nobody.get("/task/%s/artifact-content/x" % self.task, api=QUEUE),
                     "InsufficientScopes")

    def test_expired(self):
        self.created("public/old", "reference", url="https://example.com", expires=in_hours(-0.2))
        for what in ("artifacts", "artifact-content"):
            self.refused(self.root.get(self.run_path("public/old", what), api=QUEUE),
                         "ResourceExpired")
        self.assertEqual(self.info("public/old")["name"], "public/old")
        listed = self.given(self.root.get("/task/%s/artifacts" % self.task, api=QUEUE))
        self.assertIn("public/old", [a["name"] for a in listed["artifacts"]])

    def test_refusals(self):
        self.refused(self.create("x", "s3", by=self.caller("queue:create-artifact:%s/1"
                                                           % self.task)), "InsufficientScopes")
        self.refused(self.create("x", "none"), "InputValidationError")
        self.refused(self.create("x", "s3", contentLength=-1), "InputValidationError")
        self.refused(self.create("x", "s3", task=slugid()), "InputError")
        self.refused(self.create("x", "s3", run=1), "InputError")
        self.refused(self.create("x", "s3", expires=in_hours(-1)), "InputError")
        self.refused(self.create("x", "s3", expires=in_hours(24 * 4000)), "InputError")
        self.refused(self.create("n" * 1025, "s3"), "InputError")
        self.created("public/taken", "reference", url="https://example.com/1")
        self.refused(self.create("public/taken", "s3"), "RequestConflict")
        self.created("public/taken", "reference", url="https://example.com/2")
        unclaimed = slugid()
        self.given(self.root.put("/task/" + unclaimed, definition(), api=QUEUE))
        self.refused(self.create("x", "s3", task=unclaimed), "InputError")

    def upload_object(self, made, method, **changes):
        """createUpload with the credentials of createArtifact's answer."""
        body = {"projectId": made["projectId"], "uploadId": made["uploadId"],
                "expires": made["expires"], "proposedUploadMethods": method, **changes}
        return self.root.called(made["credentials"]).put("/upload/" + quoted(made["name"]), body,
                                                         api=OBJECT)

    def finish_object(self, made, **changes):
        body = {"projectId": made["projectId"], "uploadId": made["uploadId"], **changes}
        return self.root.called(made["credentials"]).post(
            "/finish-upload/" + quoted(made["name"]), body, api=OBJECT)

    def finish_artifact(self, name, upload):
        return self.root.put(self.run_path(name), {"uploadId": upload}, api=QUEUE)

    def test_object_that_is_refused(self):
        """Where the object service says no, no artifact is left behind."""
        name = "public/foreign"
        self.given(self.root.put("/upload/" + quoted("t/%s/0/%s" % (self.task, name)), {
            "projectId": "none", "uploadId": slugid(), "expires": in_hours(1),
            "proposedUploadMethods": {}}, api=OBJECT))
        self.refused(self.create(name, "object"), "RequestConflict")
        listed = self.given(self.root.get("/task/%s/runs/0/artifacts" % self.task, api=QUEUE))
        self.assertNotIn(name, [a["name"] for a in listed["artifacts"]])
        self.created(name, "reference", url="https://example.com")

    def test_object(self):
        name = "public/obj"
        made = self.created(name, "object", contentLength=5)
        self.assertEqual((made["name"], made["projectId"]),
                         ("t/%s/0/%s" % (self.task, name), "none"))
        again = self.created(name, "object", contentLength=5, expires=made["expires"])
        self.assertEqual(again["uploadId"], made["uploadId"])
        self.refused(self.create(name, "object", contentLength=6), "RequestConflict")
        # Nothing is there before it is finished; lists show it all the same.
        self.refused(self.root.get(self.run_path(name, "artifact-info"), api=QUEUE),
                     "ResourceNotFound")
        self.refused(self.root.get(self.run_path(name), api=QUEUE), "ResourceNotFound")
        listed = self.given(self.root.get("/task/%s/runs/0/artifacts" % self.task, api=QUEUE))
        self.assertIn(name, [a["name"] for a in listed["artifacts"]])
        self.refused(self.finish_artifact(name, made["uploadId"]), "InputError")
        # The name is taken: nobody else's upload gets in.
        self.refused(self.upload_object(made, {}, uploadId=slugid()), "RequestConflict")
        target = self.given(self.upload_object(made, {"putUrl": {
            "contentType": "text/x", "contentLength": 5}}))["uploadMethod"]["putUrl"]
        self.assertEqual(self.blobs.put(target["url"], b"123456", "text/x")[0], 400)
        self.assertEqual(self.blobs.put(target["url"], b"12345", "text/y")[0], 400)
        status, _, _ = self.blobs.send("PUT", target["url"], b"12345", **{
            key.replace("-", "_"): value for key, value in target["headers"].items()})
        self.assertEqual(status, 200)
        self.refused(self.finish_artifact(name, made["uploadId"]), "InputError")
        hashes = {"sha256": hashlib.sha256(b"12345").hexdigest()}
        for _ in range(2):
            self.assertEqual(self.finish_object(made, hashes=hashes).json, {})
        # The artifact is not finished yet, though its object is.
        again = self.created(name, "object", contentLength=5, expires=made["expires"])
        self.assertEqual(again["uploadId"], made["uploadId"])
        self.refused(self.upload_object(made, {}), "RequestConflict")
        self.refused(self.finish_artifact(name, slugid()), "InputError")
        self.refused(self.root.put(self.run_path(name), {}, api=QUEUE), "InputValidationError")
        for _ in range(2):
            self.assertEqual(self.finish_artifact(name, made["uploadId"]).status, 204)
        self.assertEqual(self.info(name)["contentLength"], 5)
        location, headers = self.got(name)
        self.assertEqual(headers["x-taskcluster-artifact-storage-type"], "object")
        status, body, headers = self.blobs.get(location["url"])
        self.assertEqual((status, body, headers["content-type"]), (200, b"12345", "text/plain"))
        content = self.content(name)
        self.assertEqual(content["name"], made["name"])
        loader = self.root.called(content["credentials"])
        answer = self.given(loader.put("/start-download/" + quoted(made["name"]), {
            "acceptDownloadMethods": {"getUrl": True, "simple": True}}, api=OBJECT))
        self.assertEqual((answer["method"], answer["hashes"]), ("getUrl", hashes))
        self.assertEqual(self.blobs.get(answer["url"])[:2], (200, b"12345"))
        self.refused(loader.put("/start-download/other", {"acceptDownloadMethods": {}},
                                api=OBJECT), "InsufficientScopes")
        self.refused(self.create(name, "object", contentLength=5, expires=made["expires"]),
                     "RequestConflict")
        self.refused(self.finish_artifact("public/nothing", slugid()), "ResourceNotFound")
        self.created("public/no-object", "reference", url="https://example.com")
        self.refused(self.finish_artifact("public/no-object", slugid()), "InputError")

    def test_small_object(self):
        made = self.created("public/small", "object")
        method = self.given(self.upload_object(made, {
            "dataInline": {"contentType": "text/x", "objectData": "aGVsbG8="},
            "putUrl": {"contentType": "text/x", "contentLength": 5}}))["uploadMethod"]
        self.assertEqual(method, {"dataInline": True})
        self.assertEqual(self.finish_object(made).status, 200)
        self.assertEqual(self.finish_artifact("public/small", made["uploadId"]).status, 204)
        self.assertEqual(self.blobs.get(self.got("public/small")[0]["url"])[1], b"hello")

    def test_a_run_that_has_ended(self):
        task = self.server.submit("true")
        self.server.wait_for_task(task)
        self.refused(self.create("x", "s3", task=task), "RequestConflict")


class Objects(ContractTest):
    """The object service by itself. Source: spec/small-services.md, section 5."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.blobs = Blobs(cls.server)

    def body(self, **changes):
        return {"projectId": "p", "uploadId": slugid(), "expires": in_hours(1),
                "proposedUploadMethods": {}, **changes}

    def upload(self, name, body, by=None):
        return (by or self.root).put("/upload/" + quoted(name), body, api=OBJECT)

    def finish(self, name, body, **changes):
        said = {"projectId": body["projectId"], "uploadId": body["uploadId"], **changes}
        return self.root.post("/finish-upload/" + quoted(name), said, api=OBJECT)

    def start(self, name, *methods):
        return self.root.put("/start-download/" + quoted(name), {
            "acceptDownloadMethods": {method: True for method in methods}}, api=OBJECT)

    def test_life(self):
        name = "a/b c%"
        inline = {"dataInline": {"contentType": "text/x", "objectData": "aGVsbG8="}}
        body = self.body(proposedUploadMethods=inline)
        made = self.given(self.upload(name, body))
        self.assertEqual(made["uploadMethod"], {"dataInline": True})
        for path in ("/metadata/", "/download/"):
            self.refused(self.root.get(path + quoted(name), api=OBJECT), "ResourceNotFound")
        self.given(self.upload(name, body))
        for change in ({"projectId": "q"}, {"uploadId": slugid()}, {"expires": in_hours(2)}):
            self.refused(self.upload(name, {**body, **change}), "RequestConflict")
        one = {"x": "1"}
        self.given(self.upload(name, {**body, "hashes": one}))
        self.refused(self.upload(name, {**body, "hashes": {"x": "2"}}), "RequestConflict")
        self.refused(self.finish(name, body, projectId="q"), "InputError")
        self.refused(self.finish(name, body, uploadId=slugid()), "RequestConflict")
        self.refused(self.finish("other", body), "ResourceNotFound")
        self.given(self.finish(name, body, hashes={"y": "2"}))
        both = {"x": "1", "y": "2"}
        for hashes, status in (({}, 200), (one, 200), (both, 200), ({"x": "2"}, 409),
                               ({"z": "3"}, 409)):
            self.assertEqual(self.finish(name, body, hashes=hashes).status, status)
        self.assertEqual(self.finish(name, body, uploadId=slugid()).status, 200)
        self.refused(self.upload(name, body), "RequestConflict")
        kept = self.given(self.root.get("/metadata/" + quoted(name), api=OBJECT))
        self.assertEqual((kept["projectId"], kept["hashes"]), ("p", both))
        simple = self.given(self.start(name, "simple"))
        self.assertEqual(simple["method"], "simple")
        status, text, headers = self.blobs.get(simple["url"], Range="bytes=1-2")
        self.assertEqual((status, text, headers["content-type"]), (206, b"el", "text/x"))
        moved = self.root.get("/download/" + quoted(name), api=OBJECT)
        self.assertEqual(moved.status, 303)
        self.assertEqual(self.blobs.get(moved.headers["location"])[1], b"hello")

    def test_refusals(self):
        some = self.caller("object:upload:p:mine/*")
        self.given(self.upload("mine/1", self.body(), by=some))
        for name, project in (("yours", "p"), ("mine/1", "q")):
            self.refused(self.upload(name, self.body(projectId=project), by=some),
                         "InsufficientScopes")
        self.refused(self.upload("x", self.body(hashes={"sha256": "short"})),
                     "InputValidationError")
        self.refused(self.upload("x", self.body(uploadId="x")), "InputValidationError")
        self.refused(self.upload("x", self.body(proposedUploadMethods={"dataInline": {
            "contentType": "x", "objectData": "?"}})), "InputError")
        body = self.body()
        self.given(self.upload("empty", body))
        self.refused(self.finish("empty", body), "InputError")

    def test_no_way_to_download(self):
        body = self.body(proposedUploadMethods={
            "dataInline": {"contentType": "text/x", "objectData": "aGVsbG8="}})
        self.given(self.upload("some", body))
        self.given(self.finish("some", body))
        refusal = self.refused(self.start("some"), "NoMatchingMethod",
                               "Object supports methods getUrl, simple")
        self.assertEqual(refusal["requestInfo"]["method"], "startDownload")
        self.assertEqual(refusal["requestInfo"]["payload"], {"acceptDownloadMethods": {}})


class Crashes(ArtifactTest):
    """What is there after the server was killed, or its disk is full."""

    def stage_files(self):
        return glob.glob(os.path.join(self.server.data, "blobs", "tmp", "*"))

    def restart(self, **settings):
        self.server.kill()
        self.server.environment.update(settings)
        self.server.start()

    def test_a_kill_in_the_middle_of_an_upload(self):
        size = 8 << 20
        body = os.urandom(size)
        url = self.created("public/killed", "s3")["putUrl"]
        with self.blobs.begin_put(
                url, "Content-Type: text/plain\r\nContent-Length: %d\r\n" % size) as peer:
            peer.sendall(body[:size // 2])
            wait_until(lambda: any(os.path.getsize(f) > size // 4 for f in self.stage_files()),
                       "a part of the upload to be on disk")
            self.restart()
        self.assertEqual(self.stage_files(), [])
        fetch = self.got("public/killed")[0]["url"]
        self.assertEqual(self.blobs.get(fetch)[0], 404)
        self.assertEqual(self.blobs.put(url, body)[0], 200)
        self.restart()
        self.assertEqual(self.blobs.get(fetch)[1] == body, True)

    def test_an_upload_whose_peer_goes_away(self):
        url = self.created("public/gone", "s3")["putUrl"]
        with self.blobs.begin_put(url, "Content-Type: text/plain\r\nContent-Length: 9\r\n") as peer:
            peer.sendall(b"1234")
            wait_until(self.stage_files, "the upload to begin")
        wait_until(lambda: not self.stage_files(), "what came of it to go away")
        self.assertEqual(self.blobs.get(self.got("public/gone")[0]["url"])[0], 404)

    def test_a_download_goes_on_without_its_blob(self):
        body = os.urandom(24 << 20)
        url = self.uploaded("public/removed", body)
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        connection.request("GET", parts.path + "?" + parts.query)
        response = connection.getresponse()
        first = response.read(1000)
        name = hashlib.sha256(body).hexdigest()
        os.unlink(os.path.join(self.server.data, "blobs", "sha256", name[:2], name[2:]))
        self.assertEqual(first + response.read() == body, True)
        connection.close()
        self.assertEqual(self.blobs.get(url)[0], 404)

    def test_a_full_disk(self):
        url = self.created("public/full", "s3")["putUrl"]
        self.restart(TROUPE_DISK_RESERVE="1000TiB")
        try:
            status, _, headers = self.blobs.put(url, b"x")
            self.assertEqual((status, "retry-after" in headers), (503, True))
            unchecked = self.server.caller(self.root.credentials, check=None)
            answer = self.create("public/more", "s3", by=unchecked)
            self.assertEqual((answer.status, "retry-after" in answer.headers), (503, True))
        finally:
            self.restart(TROUPE_DISK_RESERVE="0")
        self.assertEqual(self.blobs.put(url, b"x")[0], 200)


if __name__ == "__main__":
    unittest.main()
