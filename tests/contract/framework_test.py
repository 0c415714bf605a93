"""What all services share, shown on auth: routes, queries, bodies, errors, headers.
Source: spec/api-framework.md, sections 2 to 11."""

import gzip
import json
import re
import unittest
import uuid
import zlib

import answers
from contract import ContractTest, quoted

NOT_FOUND = {"error": "Not found"}
EXPAND = "/scopes/expand"


class Framework(ContractTest):
    def not_found(self, answer):
        self.assertEqual((answer.status, answer.json), (404, NOT_FOUND), answer)

    def test_monitoring(self):
        ping = self.given(self.nobody.get("/ping"))
        self.assertIs(ping["alive"], True)
        self.assertIsInstance(ping["uptime"], float)
        for path in ("/__heartbeat__", "/__lbheartbeat__"):
            self.assertEqual(self.given(self.nobody.get(path)), {})
            self.assertEqual(self.given(self.nobody.get(path, api="")), {})
        version = self.given(self.nobody.get("/__version__"))
        self.assertEqual(set(version), {"version", "commit", "source", "build"})
        self.assertEqual(self.given(self.nobody.get("/__version__", api="")), version)
        robots = self.nobody.get("/robots.txt", api="")
        self.assertEqual(robots.raw.split(b"\n")[:2], [b"User-Agent: *", b"Disallow: /"])

    def test_routes(self):
        for path in ("/clients", "/clients/", "/roles", "/roles/", "/roles2", "/roleids",
                     "/scopes/current", "/scopes/current/", "/test-authenticate-get"):
            self.assertNotEqual(self.root.get(path).status, 404, path)
        for path in ("/clients//", "/scopes/current//", "/scopes", "/scopes/Current", "/nothing",
                     "", "/", "/clients/a/b", "/aws/s3/read-only/bucket"):
            self.not_found(self.root.get(path))
        self.not_found(self.root.get("/ping", api="/api/auth/v2"))
        self.not_found(self.root.get("/ping", api="/api/nothing/v1"))
        for verb in ("DELETE", "PATCH", "PUT"):
            self.not_found(self.root.call(verb, "/ping"))

    def test_parameters(self):
        for sent, meant in (("a%2Fb", "a/b"), ("a+b", "a+b"), ("%7C", "|"), ("a%252Fb", None)):
            answer = self.root.get("/clients/" + sent)
            if meant is None:
                self.assertIn("'a%2Fb'", self.refused(answer, "InvalidRequestArguments")["message"])
                continue
            refused = self.refused(answer, "ResourceNotFound")
            self.assertEqual(refused["requestInfo"]["params"], {"clientId": meant})
        bad = self.root.called(self.root.credentials)
        bad.check = None  # the body is free
        self.assertEqual(bad.get("/clients/%zz").status, 400)

    def test_rest_of_path(self):
        for sent, meant in (("", ""), ("a/b%2Fc", "a/b/c"), ("a//b", "a//b"), ("a/", "a/")):
            answer = self.root.get("/aws/s3/read-only/bucket/" + sent)
            refused = self.refused(answer, "ResourceNotFound",
                                   "No credentials available for bucket bucket")
            self.assertEqual(refused["requestInfo"]["params"],
                             {"level": "read-only", "bucket": "bucket", "prefix": meant})
        self.refused(self.root.get("/aws/s3/other/BUCKET/x"), "InvalidRequestArguments",
                     "Invalid URL patterns:\n"
                     "URL parameter 'level' given as 'other' must match regular expression: "
                     "'/^(read-write|read-only)$/'\n"
                     "URL parameter 'bucket' given as 'BUCKET' must match regular expression: "
                     "'/^[a-z0-9][a-z0-9-]{1,62}[a-z0-9]$/'")

    def test_third_parties_in_order(self):
        """Methods for clouds of others, in a deployment without any."""
        refused = self.refused
        for path, scope in (("/azure/accounts", "auth:azure-table:list-accounts"),
                            ("/azure/A/tables", "auth:azure-table:list-tables:A"),
                            ("/azure/A/containers", "auth:azure-container:list-containers:A"),
                            ("/sentry/a.b/dsn", "auth:sentry:a.b"),
                            ("/websocktunnel/a.b/c", "auth:websocktunnel-token:a.b/c"),
                            ("/gcp/credentials/p/s", "auth:gcp:access-token:p/s")):
            refused(self.nobody.get(path), "InsufficientScopes",
                    "This request requires Taskcluster credentials that satisfy the following "
                    "scope expression:\n\n```\n%s\n```" % scope)
            caller = self.caller(scope)
            self.assertNotIn(caller.get(path).status, (401, 403), path)
        for path in ("/azure/A/tables", "/azure/A/containers", "/sentry/a.b/dsn",
                     "/websocktunnel/a.b/c"):
            refused(self.root.get(path), "InvalidRequestArguments")
        for path, scopes in (
                ("/aws/s3/read-only/bucket/x", ("auth:aws-s3:read-only:bucket/x",
                                                "auth:aws-s3:read-write:bucket/x")),
                ("/azure/abc/table/tab/read-only", ("auth:azure-table:read-only:abc/tab",
                                                    "auth:azure-table:read-write:abc/tab")),
                ("/azure/abc/containers/con/read-only",
                 ("auth:azure-container:read-only:abc/con",
                  "auth:azure-container:read-write:abc/con"))):
            refused(self.nobody.get(path), "InsufficientScopes")
            for scope in scopes:
                refused(self.caller(scope).get(path), "ResourceNotFound")
            writing = path.replace("read-only", "read-write")
            refused(self.caller(scopes[0]).get(writing), "InsufficientScopes")
            refused(self.caller(scopes[1]).get(writing), "ResourceNotFound")
        refused(self.nobody.get("/aws/s3/read-only/BAD/x"), "InvalidRequestArguments")
        refused(self.root.get("/aws/s3/read-only/bucket//x"), "ResourceNotFound")
        refused(self.root.get("/aws/s3/read-only/bucket/x?format=x"), "InvalidRequestArguments")
        self.refused(self.root.get("/azure/abc/containers"), "ResourceNotFound",
                     "Account 'abc' not found, can't delegate access.")
        refused(self.root.get("/azure/abc/containers/a--b/read-only"), "InvalidRequestArguments")

    def test_github_token_in_order(self):
        path = "/github/app/Owner/repo-token"
        body = {"permissions": {"contents": "read", "checks": "write"}, "repositories": ["Repo"]}
        self.refused(self.nobody.post("/github/a.b/o/repo-token", {}), "InvalidRequestArguments")
        for wrong in ({}, {**body, "permissions": {}}, {**body, "permissions": {"x": "read"}},
                      {**body, "permissions": {"contents": "admin"}}, {**body, "repositories": []},
                      {**body, "repositories": ["a/b"]}, {**body, "more": 1}):
            self.refused(self.nobody.post(path, wrong), "InputValidationError")
        refused = self.refused(self.nobody.post(path, body), "InsufficientScopes")
        scopes = ["auth:github-repo-token:app/owner/repo:contents:read",
                  "auth:github-repo-token:app/owner/repo:checks:write"]
        for scope in scopes:
            self.assertIn(scope, refused["message"])
        self.refused(self.caller(scopes[0]).post(path, body), "InsufficientScopes")
        self.refused(self.caller(*scopes).post(path, body), "ResourceNotFound",
                     "Application with name `app` is not configured")

    def test_head_and_options(self):
        got = self.nobody.get("/__version__")
        head = self.nobody.call("HEAD", "/__version__")
        self.assertEqual((head.status, head.raw), (200, b""))
        for name in ("content-type", "content-length", "etag"):
            self.assertEqual(head.headers.get(name), got.headers.get(name))
        self.assertEqual(self.root.call("HEAD", "/scopes/current").status, 200)
        self.assertEqual(self.nobody.call("HEAD", "/scopes/current").status, 403)
        options = self.nobody.call("OPTIONS", "/clients/x")
        self.assertEqual(options.status, 200)
        allowed = {verb.strip() for verb in options.headers["allow"].split(",")}
        self.assertEqual(allowed, {"GET", "HEAD", "PUT", "POST", "DELETE"})
        self.assertEqual(options.raw.decode(), options.headers["allow"])
        self.assertTrue(options.headers["content-type"].startswith("text/plain"))
        self.assertEqual(self.nobody.call("OPTIONS", "/nothing").status, 404)

    def test_json_bodies(self):
        for raw in (b"{", b"nonsense", b'{"a":1}x', b"{'a':1}", b'{"a":01}', b"\xff{}", b"[1,]"):
            refused = self.refused(self.root.call("POST", EXPAND, raw=raw), "MalformedPayload")
            self.assertTrue(refused["message"].startswith("Failed to parse JSON: "))
        refused = self.refused(self.root.call("POST", EXPAND, raw=b"{nonsense"), "MalformedPayload")
        self.assertEqual(refused["requestInfo"]["payload"], "{nonsense")
        for raw in (b"null", b"7", b'"text"', b"true"):
            self.refused(self.root.call("POST", EXPAND, raw=raw), "MalformedPayload",
                         "Failed to parse JSON: Must be an object or array")
        self.refused(self.root.call("POST", EXPAND, raw=b"[]"), "InputValidationError")
        last = self.given(self.root.call("POST", EXPAND, raw=b'{"scopes":["a"],"scopes":["b"]}'))
        self.assertEqual(last["scopes"], ["b"])
        marked = self.root.call("POST", EXPAND, raw=b'\xef\xbb\xbf{"scopes":["a"]}')
        self.assertEqual(self.given(marked)["scopes"], ["a"])

    def test_limits_of_json(self):
        """What nests too deep, holds too much, or cannot be kept as it was sent."""
        def nested(depth):  # the outer object counts
            return b'{"scopes":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

        def values(count):  # so do that and the list
            return b'{"scopes":[' + b",".join([b"0"] * (count - 2)) + b"]}"

        for raw in (nested(200), values(999_000)):
            self.refused(self.root.call("POST", EXPAND, raw=raw), "InputValidationError")
        for raw, text in ((nested(201), "nests more than 200 objects and arrays"),
                          (values(1_001_000), "holds more than 1000000 values"),
                          (rb'{"scopes":["\ud800"]}', "surrogate"),
                          (b'{"scopes":[1e400]}', "Number too big")):
            refused = self.refused(self.root.call("POST", EXPAND, raw=raw), "MalformedPayload")
            self.assertIn(text, refused["message"])

    def test_content_types(self):
        raw = b'{"scopes":["a"]}'
        for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
            self.given(self.root.call("POST", EXPAND, raw=raw, content_type=kind))
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            self.refused(self.root.call("POST", EXPAND, raw=raw, content_type=kind),
                         "MalformedPayload", "Payload must be JSON with content-type: "
                         "application/json got content-type: " + kind)
        self.refused(self.root.call("POST", EXPAND), "MalformedPayload",
                     "Payload must be JSON with content-type: application/json got content-type: "
                     "null")
        self.refused(self.root.call("POST", EXPAND, raw=b""), "InputValidationError")
        name = self.client()["clientId"]
        path = "/clients/%s/disable" % quoted(name)
        self.given(self.root.call("POST", path, raw=b'{"anything": 1}'))
        self.given(self.root.call("POST", path, raw=b"{", content_type="text/plain"))
        self.refused(self.root.call("POST", path, raw=b"{"), "MalformedPayload")

    def test_compressed_bodies(self):
        raw = json.dumps({"scopes": ["s:%d" % i for i in range(99)]}).encode()
        for name, packed in (("gzip", gzip.compress(raw)), ("deflate", zlib.compress(raw))):
            answer = self.root.call("POST", EXPAND, raw=packed, headers={"Content-Encoding": name})
            self.assertEqual(len(self.given(answer)["scopes"]), 99)

    def test_codings_that_nobody_knows(self):
        for headers, kind in (({"Content-Encoding": "zstd"}, "application/json"),
                              ({}, "application/json; charset=utf-7")):
            answer = self.root.call("PUT", "/clients/x", raw=b"{}", headers=headers,
                                    content_type=kind)
            self.assertEqual((answer.status, answer.json["code"]), (415, "InputError"))
            info = answer.json["requestInfo"]
            self.assertEqual((info["method"], info["params"]), ("createClient", {"clientId": "x"}))
            self.assertNotIn("payload", info)

    def test_sizes(self):
        """10 MiB are taken, a byte more is not, packed or not."""
        head, tail = b'{"scopes":["', b'"]}'
        room = 10 * 1024 * 1024 - len(head) - len(tail)
        whole = head + b"a" * room + tail
        self.given(self.root.call("POST", EXPAND, raw=whole))
        for raw, headers in ((whole + b" ", {}),
                             (gzip.compress(whole + b" ", 1), {"Content-Encoding": "gzip"})):
            caller = self.root.called(self.root.credentials)
            refused = self.refused(caller.call("POST", EXPAND, raw=raw, headers=headers),
                                   "InputTooLarge")
            self.assertNotIn("payload", refused["requestInfo"])

    def test_defaults_and_payload(self):
        refused = self.refused(self.nobody.put("/clients/x", {"expires": "2999-01-01T00:00:00Z",
                                                              "description": "d", "scopes": []}),
                               "InsufficientScopes")
        self.assertEqual(refused["requestInfo"]["payload"],
                         {"expires": "2999-01-01T00:00:00Z", "description": "d", "scopes": [],
                          "deleteOnExpiration": False})
        refused = self.refused(self.nobody.get("/clients/x"), "InsufficientScopes")
        self.assertEqual(refused["requestInfo"]["payload"], {})
        self.assertEqual(refused["requestInfo"]["params"], {"clientId": "x"})

    def test_schema_errors_are_all_named(self):
        answer = self.root.put("/clients/x", {"scopes": [1, "a", "a"], "more": 1, "expires": "x"})
        self.refused(answer, "InputValidationError")
        text = answers.text_of(answer)
        self.assertTrue(text.startswith(
            "\nSchema Validation Failed!\nRejecting Schema: %s/schemas/auth/v1/"
            "create-client-request.json#\nErrors:\n  * data" % self.server.root_url), text)
        for said in ("description", "more", "/scopes/0", "/expires"):
            self.assertIn(said, text)

    def test_times(self):
        for given, meant in (("2999-01-02T03:04:05Z", "2999-01-02T03:04:05.000Z"),
                             ("2999-01-02t03:04:05.1z", "2999-01-02T03:04:05.100Z"),
                             ("2999-01-02 03:04:05.123456789+01:30", "2999-01-02T01:34:05.123Z"),
                             ("2999-01-02T03:04:05-0100", "2999-01-02T04:04:05.000Z"),
                             ("2999-01-02T03:04:05+02", "2999-01-02T01:04:05.000Z"),
                             ("2999-01-02T03:04:05", "2999-01-02T03:04:05.000Z")):
            name = quoted(self.unique())
            made = self.root.put("/clients/" + name, {"expires": given, "description": ""})
            self.assertEqual(self.given(made)["expires"], meant)
        for wrong in ("2999-13-01T00:00:00Z", "2999-02-29T00:00:00Z", "2999-01-01T24:00:00Z",
                      "2999-01-01", "2999-01-01T00:00Z", "tomorrow", "", "2999-01-01T00:00:00+1"):
            answer = self.root.put("/clients/x", {"expires": wrong, "description": ""})
            self.refused(answer, "InputValidationError")

    def test_tracing(self):
        given = self.nobody.get("/ping", headers={"x-taskcluster-trace-id": "my-trace"})
        self.assertEqual(given.headers["x-for-trace-id"], "my-trace")
        ids = {self.nobody.get("/ping").headers["x-for-request-id"] for _ in range(5)}
        self.assertEqual(len(ids), 5)
        trace = uuid.UUID(self.nobody.get("/ping").headers["x-for-trace-id"])
        self.assertEqual(trace.version, 4)

    def test_compressed_answers(self):
        for i in range(6):
            self.client(*("scope:%d:%s" % (n, "x" * 40) for n in range(9)))
        plain = self.root.get("/clients/")
        self.assertNotIn("content-encoding", plain.headers)
        packed = self.root.called(self.root.credentials)
        packed.check = None  # it looks into bodies
        for name, inverse in (("gzip", gzip.decompress), ("deflate", zlib.decompress)):
            short = packed.get("/ping", headers={"Accept-Encoding": name})
            self.assertNotIn("content-encoding", short.headers)
            answer = packed.get("/clients/", headers={"Accept-Encoding": name})
            self.assertEqual(answer.headers["content-encoding"], name)
            self.assertIn("accept-encoding", answer.headers["vary"].lower())
            self.assertEqual(json.loads(inverse(answer.raw)), plain.json)

    def test_etag(self):
        first = self.nobody.get("/__version__")
        tag = first.headers["etag"]
        self.assertTrue(re.fullmatch(r'W/"[^"]+"', tag), tag)
        caller = self.server.caller(check=None)
        again = caller.get("/__version__", headers={"If-None-Match": tag})
        self.assertEqual((again.status, again.raw), (304, b""))


if __name__ == "__main__":
    unittest.main()
