"""Who is let in as whom: signatures, temporary credentials, authorizedScopes, signed URLs, and the
methods that say so. Source: spec/api-framework.md, sections 14 to 18; spec/auth.md, 8 and 11."""

import base64
import json
import time
import unittest

import hawk
from contract import ContractTest, quoted

TESTER = {"clientId": "tester", "accessToken": "no-secret"}
CURRENT = "/scopes/current"
HOUR_MS = 3_600_000


def ext(value):
    return base64.b64encode(json.dumps(value).encode()).decode()


class Signing(ContractTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.credentials = cls.client("auth:current-scopes", "auth:get-client:*",
                                     "auth:create-client:temporary/*", "x:*",
                                     name="test/signer")
        cls.signer = cls.root.called(cls.credentials)

    def fails(self, answer, text):
        self.refused(answer, "AuthenticationFailed", text)

    def header(self, target="/api/auth/v1" + CURRENT, **changes):
        return hawk.header({**self.credentials, **changes}, "GET", target, self.root.host,
                           self.root.port)

    def test_headers(self):
        good = self.header()
        mac = good.split('mac="')[1][:-1]
        texts = {
            "Hawk": "Bad Request: Invalid header syntax",
            "Basic dTpw": "Unauthorized: Unauthorized",
            'Hawk id="a", id="a"': "Bad Request: Duplicate attribute: id",
            'Hawk id="a", ts="1", nonce="n"': "Bad Request: Missing attributes",
            'Hawk id="a", who="b"': "Bad Request: Unknown attribute: who",
            'Hawk id=""': "Bad Request: Bad attribute value: id",
            'Hawk id="a\\"': "Bad Request: Bad header format",
            "Hawk id=a": "Bad Request: Bad header format",
            good.replace(mac, "x" * 43 + "="): "Unauthorized: Bad mac",
            self.header(clientId="nobody/here"): "Client with clientId 'nobody/here' not found",
            self.header(accessToken="x" * 44): "Unauthorized: Bad mac",
            self.header(target="/api/auth/v1/scopes/other"): "Unauthorized: Bad mac",
        }
        for authorization, text in texts.items():
            with self.subTest(authorization=authorization):
                self.fails(self.nobody.get(CURRENT, authorization=authorization), text)
        for authorization in (good, good.replace("Hawk", "HAWK"), good.replace(", ", ",")):
            self.given(self.nobody.get(CURRENT, authorization=authorization))

    def test_replayed_and_late(self):
        again = self.header()
        for _ in range(3):
            self.given(self.nobody.get(CURRENT, authorization=again))
        now = int(time.time())
        for late in (-890, 890):
            self.given(self.signer.get(CURRENT, ts=now + late))
        for late in (-910, 910):
            self.fails(self.signer.get(CURRENT, ts=now + late), "Unauthorized: Stale timestamp")

    def test_missing_is_403_and_wrong_is_401(self):
        self.refused(self.nobody.get(CURRENT), "InsufficientScopes")
        self.refused(self.nobody.get(CURRENT, authorization="Hawk x"), "AuthenticationFailed")
        self.given(self.nobody.get("/ping", authorization="Hawk x"))

    def test_forwarded_port(self):
        target = "/api/auth/v1" + CURRENT
        for headers, port in (({"X-Forwarded-Port": "443"}, 443),
                              ({"X-Forwarded-Proto": "https"}, 443),
                              ({"X-Forwarded-Port": "8443, 1", "X-Forwarded-Proto": "https"},
                               8443)):
            signed = hawk.header(self.credentials, "GET", target, self.root.host, port)
            self.given(self.nobody.get(CURRENT, authorization=signed, headers=headers))
            self.fails(self.signer.get(CURRENT, headers=headers), "Unauthorized: Bad mac")

    def test_payload_hash(self):
        caller = self.caller("auth:expand-scopes")
        for scope in ("a", "a" * 100_000):  # a large body is hashed elsewhere
            with self.subTest(bytes=len(scope)):
                self.check_payload_hash(caller, {"scopes": [scope]})
        self.given(caller.get("/ping", hashed=True))
        self.given(self.signer.get(CURRENT, hashed=True))

    def check_payload_hash(self, caller, body):
        self.given(caller.post("/scopes/expand", body, hashed=True))
        target = "/api/auth/v1/scopes/expand"
        other = hawk.header(caller.credentials, "POST", target, caller.host, caller.port,
                            body_hash=hawk.payload_hash(b"{}", "application/json"))
        answer = caller.post("/scopes/expand", body, authorization=other)
        refused = self.refused(answer, "AuthenticationFailed")
        computed = hawk.payload_hash(json.dumps(body).encode(), "application/json")
        self.assertIn("Computed payload hash: " + computed, refused["message"])
        odd = hawk.header(caller.credentials, "POST", target, caller.host, caller.port,
                          body_hash="abc")
        self.refused(caller.post("/scopes/expand", body, authorization=odd),
                     "AuthenticationFailed")

    def test_authorized_scopes(self):
        for scopes in (["auth:current-scopes"], ["x:y", "auth:current-scopes"],
                       ["auth:current-scopes", "assume:anonymous"]):
            got = self.given(self.signer.get(CURRENT, authorized_scopes=scopes))
            self.assertEqual(got["scopes"], sorted({"assume:anonymous", *scopes}))
        self.refused(self.signer.get(CURRENT, authorized_scopes=[]), "InsufficientScopes")
        answer = self.signer.get(CURRENT, authorized_scopes=["y", "x:*"])
        self.fails(answer, "Supplied credentials do not satisfy authorizedScopes; credentials have "
                   "scopes:\n\n```\nassume:anonymous\nauth:create-client:temporary/*\n"
                   "auth:current-scopes\nauth:get-client:*\nx:*\n```\n\nauthorizedScopes are:\n\n"
                   "```\ny\nx:*\n```")

    def test_ext(self):
        for value, text in ((ext({"authorizedScopes": "a"}),
                             "ext.authorizedScopes must be an array"),
                            (ext({"authorizedScopes": ["\n"]}),
                             "ext.authorizedScopes must be an array of valid scopes"),
                            (base64.b64encode(b"no json").decode(), "Failed to parse ext"),
                            (ext({"certificate": []}), None), (ext({"certificate": "x"}), None)):
            with self.subTest(ext=value):
                self.fails(self.signer.get(CURRENT, ext=value), text)
        for value in (ext({}), ext({"more": 1}), ext({}).rstrip("="),
                      base64.urlsafe_b64encode(b'{"?": "\xc3\xbf\xc3\xbf>>"}').decode()):
            self.given(self.signer.get(CURRENT, ext=value))

    def temporary(self, scopes=("auth:current-scopes",), **how):
        return self.root.called(hawk.temporary(self.credentials, list(scopes), **how))

    def test_temporary(self):
        for name in (None, "temporary/a"):
            got = self.given(self.temporary(("auth:current-scopes", "x:1"), name=name).get(CURRENT))
            self.assertEqual(got["scopes"], ["assume:anonymous", "auth:current-scopes", "x:1"])
            less = self.temporary(("auth:current-scopes", "x:1"), name=name).get(
                CURRENT, authorized_scopes=["auth:current-scopes"])
            self.assertEqual(self.given(less)["scopes"],
                             ["assume:anonymous", "auth:current-scopes"])

    def test_temporary_refused(self):
        now = int(time.time() * 1000)
        issuer, prefix = self.credentials["clientId"], "ext.certificate"
        cases = [
            ({"changes": {"version": 2}}, prefix + ".version must be 1"),
            ({"changes": {"seed": 1}}, prefix + ".seed must be a string"),
            ({"changes": {"seed": "x"}}, prefix + ".seed must be 44 characters"),
            ({"changes": {"start": "x"}}, prefix + ".start must be a number"),
            ({"changes": {"expiry": None}}, prefix + ".expiry must be a number"),
            ({"changes": {"scopes": None}}, prefix + ".scopes must be an array"),
            ({"changes": {"scopes": ["\n"]}}, prefix + ".scopes must be an array of valid scopes"),
            ({"start_ms": now + HOUR_MS}, prefix + ".start > now"),
            ({"expiry_ms": now - HOUR_MS}, prefix + ".expiry < now"),
            ({"start_ms": now - 24 * HOUR_MS, "expiry_ms": now + 31 * 24 * HOUR_MS},
             prefix + " cannot last longer than 31 days!"),
            ({"changes": {"clientId": "x"}},
             "%s.clientId must only be used with %s.issuer" % (prefix, prefix)),
            ({"changes": {"signature": "x"}}, prefix + ".signature is not valid"),
            ({"name": "temporary/b", "changes": {"signature": "x"}},
             prefix + ".signature is not valid, or wrong clientId provided"),
            ({"name": "other"}, "%s issuer `%s` doesn't have `auth:create-client:other` for "
             "supplied clientId." % (prefix, issuer)),
            ({"scopes": ["auth:current-scopes", "y", "x:a"]},
             "%s issuer `%s` doesn't satisfy all certificate scopes auth:current-scopes, y, x:a.  "
             "The temporary credentials were not generated correctly." % (prefix, issuer)),
            ({"changes": {"issuer": 1}}, prefix + ".issuer must be a string"),
            ({"changes": {"issuer": issuer}},
             prefix + ".issuer must differ from the supplied clientId"),
        ]
        for how, text in cases:
            with self.subTest(how=how):
                self.fails(self.temporary(**how).get(CURRENT), text)

    def test_temporary_ends_with_its_issuer(self):
        issuer = self.client("auth:current-scopes")
        caller = self.root.called(hawk.temporary(issuer, ["auth:current-scopes"]))
        self.given(caller.get(CURRENT))
        self.given(self.root.post("/clients/%s/disable" % quoted(issuer["clientId"])))
        self.fails(caller.get(CURRENT), "Client with clientId '%s' is disabled"
                   % issuer["clientId"])
        self.assertEqual(self.root.delete("/clients/" + quoted(issuer["clientId"])).status, 204)
        self.fails(caller.get(CURRENT), "Client with clientId '%s' not found" % issuer["clientId"])

    def bewit(self, resource="/api/auth/v1" + CURRENT, seconds=60, **changes):
        credentials = {**self.credentials, **changes}
        return hawk.signed_url(credentials, resource, self.root.host, self.root.port,
                               int(time.time()) + seconds, hawk.ext_of(credentials))

    def test_signed_urls(self):
        self.given(self.nobody.get(self.bewit(), api=""))
        self.assertEqual(self.nobody.call("HEAD", self.bewit(), api="").status, 200)
        listed = "/api/auth/v1/clients/test%2Fsigner?"
        self.refused(self.nobody.get(self.bewit(listed + "limit=1"), api=""),
                     "InvalidRequestArguments")
        before = self.bewit("/api/auth/v1/clients/test%2Fsigner")
        self.given(self.nobody.get(before, api=""))
        temporary = hawk.temporary(self.credentials, ["auth:get-client:*"])
        self.given(self.nobody.get(
            self.bewit("/api/auth/v1/clients/test%2Fsigner", **temporary), api=""))
        self.refused(self.nobody.get(self.bewit(**temporary), api=""), "InsufficientScopes")

    def test_signed_urls_refused(self):
        def encoded(text):
            return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

        good = self.bewit()
        for query, text in (("", "Unauthorized: Empty bewit"),
                            ("a=", "Bad Request: Invalid bewit encoding"),
                            ("a.b", "Bad Request: Invalid bewit encoding"),
                            (encoded("a\\b"), "Bad Request: Invalid bewit structure"),
                            (encoded("a\\1\\\\"), "Bad Request: Missing bewit attributes"),
                            (encoded("nobody\\1\\mac\\"),
                             "Client with clientId 'nobody' not found"),
                            (encoded("test/signer\\1\\mac\\"), "Unauthorized: Bad mac")):
            with self.subTest(bewit=query):
                self.fails(self.nobody.get(CURRENT + "?bewit=" + query), text)
        self.fails(self.nobody.get(self.bewit(seconds=-1), api=""), "Unauthorized: Access expired")
        self.fails(self.nobody.get(CURRENT + "?bewit=" + "a" * 4096),
                   "Bad Request: Resource path exceeds max length")
        answer = self.nobody.call("POST", "/scopes/expand?bewit=" + good.split("bewit=")[1],
                                  body={"scopes": []})
        self.fails(answer, "Unauthorized: Invalid method")
        self.fails(self.signer.get(good, api=""), "Cannot use two authentication schemes at once "
                   "this request has both bewit in querystring and 'authorization' header")

    def test_authenticate_hawk(self):
        def ask(**fields):
            body = {"method": "get", "resource": "/x", "host": "tc.example.com", "port": 443}
            return self.nobody.post("/authenticate-hawk", {**body, **fields})

        self.assertEqual(self.given(ask())["scopes"], ["assume:anonymous"])
        signed = hawk.header(self.credentials, "GET", "/x", "tc.example.com", 443, body_hash="h")
        got = self.given(ask(authorization=signed, sourceIp="::1"))
        self.assertEqual((got["status"], got["clientId"], got["hash"]),
                         ("auth-success", "test/signer", "h"))
        self.assertEqual(self.given(ask(authorization=signed, port=80)),
                         {"status": "auth-failed", "message": "Unauthorized: Bad mac"})
        for fields in ({"port": -1}, {"port": 65536}, {"port": 1.5}, {"host": "a_b/"},
                       {"method": "GET"}, {"sourceIp": "x"}, {"more": 1}):
            with self.subTest(fields=fields):
                self.refused(ask(**fields), "InputValidationError")

    def test_test_authenticate(self):
        tester = self.root.called(TESTER)
        post = "/test-authenticate"

        def scopes(answer):
            return self.given(answer)["scopes"]

        self.assertEqual(self.given(self.nobody.post(post, {})),
                         {"clientId": "auth-failed:no-auth", "scopes": ["assume:anonymous"]})
        self.refused(self.nobody.post(post, {"requiredScopes": ["a"]}), "InsufficientScopes")
        self.refused(self.nobody.post(post, {"requiredScopes": "a"}), "InputValidationError")
        body = {"clientScopes": ["b", "scopes:*", "a"], "requiredScopes": ["scopes:x"]}
        self.assertIn("scopes:*", scopes(tester.post(post, body)))
        specific = ["scopes:specific", "scopes:another"]
        self.assertEqual(scopes(tester.post(post, {**body, "requiredScopes": specific},
                                            authorized_scopes=specific)),
                         ["assume:anonymous", *specific])
        self.fails(self.signer.post(post, {}), "Client with clientId 'test/signer' not found")
        get = "/test-authenticate-get"
        self.assertEqual(scopes(tester.get(get)),
                         ["assume:anonymous", "test:*", "auth:create-client:test:*"])
        self.refused(self.nobody.get(get), "InsufficientScopes")
        named = self.root.called(hawk.temporary(TESTER, ["test:*"], name="test:me"))
        self.assertEqual(self.given(named.get(get)),
                         {"clientId": "test:me", "scopes": ["assume:anonymous", "test:*"]})
        url = hawk.signed_url(TESTER, "/api/auth/v1" + get, self.root.host, self.root.port,
                              int(time.time()) + 60)
        self.given(self.nobody.get(url, api=""))


if __name__ == "__main__":
    unittest.main()
