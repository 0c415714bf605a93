"""Every method of the object service through PyPI's taskcluster and npm's taskcluster-client, as
their users call them, and over Cap'n Proto RPC. Source: spec/small-services.md, section 5."""

import unittest
import urllib.request

from artifacts_test import Blobs
from contract import ContractTest
from every_method import ByNode, ByPython, ByRpc, EveryMethod
from queue_support import in_hours, slugid

INLINE = {"dataInline": {"contentType": "text/x", "objectData": "aGVsbG8="}}
SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
NO_NAME = "\u00e9"  # not ASCII


class Object(EveryMethod):
    """The tests; subclasses name the client."""

    SERVICE = "object"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.blobs = Blobs(cls.server)

    def parts(self):
        return (self.uploads, self.refused_uploads, self.downloads, self.refused_downloads)

    def body(self, proposed=INLINE, **changes):
        return {"projectId": "p", "uploadId": slugid(), "expires": in_hours(1),
                "proposedUploadMethods": proposed, **changes}

    @staticmethod
    def whose(body, **changes):
        """What finishUpload says of an upload."""
        return {"projectId": body["projectId"], "uploadId": body["uploadId"], **changes}

    def stored(self):
        """The name of an object that holds `hello`."""
        name, body = self.unique("a/b c%"), self.body()
        self.ok("createUpload", name, body)
        self.ok("finishUpload", name, self.whose(body, hashes={"sha256": SHA256}))
        return name

    def uploads(self):
        name, body = self.unique("here"), self.body()
        made = self.ok("createUpload", name, body)
        self.assertEqual(made, {**self.whose(body), "expires": body["expires"],
                                "uploadMethod": {"dataInline": True}})
        self.assertEqual(self.ok("createUpload", name, body), made)
        self.ok("finishUpload", name, self.whose(body))
        self.ok("finishUpload", name, self.whose(body))

        name, reserved = self.unique("reserved"), self.body({})
        self.assertEqual(self.ok("createUpload", name, reserved)["uploadMethod"], {})
        follows = {"putUrl": {"contentType": "text/x", "contentLength": 5}}
        target = self.ok("createUpload", name, {**reserved, "proposedUploadMethods": follows})
        put = target["uploadMethod"]["putUrl"]
        self.assertEqual(put["headers"], {"Content-Type": "text/x", "Content-Length": "5",
                                          "Content-Encoding": "identity"})
        headers = {key.replace("-", "_"): value for key, value in put["headers"].items()}
        self.assertEqual(self.blobs.send("PUT", put["url"], b"hello", **headers)[0], 200)
        self.ok("finishUpload", name, self.whose(reserved))

    def refused_uploads(self):
        name, body = self.unique("refused"), self.body()
        other = self.client("object:upload:q:*")
        wrong = {**self.root.credentials, "accessToken": "x" * 44}
        self.fails(400, "InvalidRequestArguments", "createUpload", NO_NAME, body)
        self.fails(400, "InputValidationError", "createUpload", name, {})
        self.fails(400, "InputError", "createUpload", name, self.body(
            {"dataInline": {"contentType": "text/x", "objectData": "?"}}))
        self.fails(401, "AuthenticationFailed", "createUpload", name, body, by=wrong)
        self.fails(403, "InsufficientScopes", "createUpload", name, body, by=other)
        self.fails(404, "ResourceNotFound", "finishUpload", name, self.whose(body))
        self.ok("createUpload", name, self.body({}, **self.whose(body), expires=body["expires"],
                                                hashes={"x": "1"}))
        self.fails(409, "RequestConflict", "createUpload", name, {**body, "projectId": "q"})
        self.fails(409, "RequestConflict", "createUpload", name, {**body, "hashes": {"x": "2"}})
        self.fails(400, "InputError", "finishUpload", name, self.whose(body))  # without its bytes
        self.ok("createUpload", name, body)

        self.fails(400, "InvalidRequestArguments", "finishUpload", NO_NAME, self.whose(body))
        self.fails(400, "InputValidationError", "finishUpload", name, {})
        self.fails(403, "InsufficientScopes", "finishUpload", name, self.whose(body), by=other)
        self.fails(400, "InputError", "finishUpload", name, self.whose(body, projectId="q"))
        self.fails(409, "RequestConflict", "finishUpload", name,
                   self.whose(body, uploadId=slugid()))
        self.ok("finishUpload", name, self.whose(body))
        self.fails(409, "RequestConflict", "createUpload", name, body)
        self.fails(409, "RequestConflict", "finishUpload", name,
                   self.whose(body, hashes={"x": "2"}))

    def downloads(self):
        name = self.stored()
        kept = self.ok("object", name)
        self.assertEqual((kept["projectId"], kept["hashes"]), ("p", {"sha256": SHA256}))
        for accepted, method in ((("getUrl", "simple"), "getUrl"), (("simple",), "simple")):
            answer = self.ok("startDownload", name,
                             {"acceptDownloadMethods": dict.fromkeys(accepted, True)})
            self.assertEqual(answer["method"], method)
            self.assertEqual(self.blobs.get(answer["url"])[:2], (200, b"hello"))
        if not self.IS_HTTP:
            self.fails(400, "InputError", "download", name)  # nobody is redirected here
            return
        self.ok("download", name)
        url = self.driver.signed_url(self.root.credentials, "download", name)
        with urllib.request.urlopen(url, timeout=120) as answer:
            self.assertEqual(answer.read(), b"hello")

    def refused_downloads(self):
        name, unfinished, body = self.stored(), self.unique("unfinished"), self.body()
        self.ok("createUpload", unfinished, body)
        simple = {"acceptDownloadMethods": {"simple": True}}
        for method, *payload in (("startDownload", simple), ("object",), ("download",)):
            with self.subTest(method=method):
                self.fails(404, "ResourceNotFound", method, "nowhere", *payload)
                self.fails(404, "ResourceNotFound", method, unfinished, *payload)
                self.fails(400, "InvalidRequestArguments", method, NO_NAME, *payload)
                self.fails(403, "InsufficientScopes", method, name, *payload,
                           by=self.client("object:download:other"))
        self.fails(400, "InputValidationError", "startDownload", name, {})
        self.fails(406, "NoMatchingMethod", "startDownload", name, {"acceptDownloadMethods": {}})


class Python(ByPython, Object, ContractTest):
    pass


class Node(ByNode, Object, ContractTest):
    pass


class Rpc(ByRpc, Object, ContractTest):
    pass


if __name__ == "__main__":
    unittest.main()
