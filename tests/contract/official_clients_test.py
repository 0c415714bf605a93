"""Every method of auth through PyPI's taskcluster and through npm's taskcluster-client, as their
users call them: successes, refusals, temporary credentials, restricted scopes, signed URLs."""

import json
import unittest
import urllib.error
import urllib.request

import schemas
from contract import FAR, ContractTest
from drivers import NodeDriver, PythonDriver

TESTER = {"clientId": "tester", "accessToken": "no-secret"}
HAWK_REQUEST = {"method": "get", "resource": "/x", "host": "tc.example.com", "port": 443}


def fetch(url):
    """Status and JSON body of a URL, without credentials of one's own."""
    try:
        with urllib.request.urlopen(url, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


class OfficialClients:
    """The tests; subclasses name the client."""

    DRIVER = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.driver = cls.DRIVER(cls.server.root_url)
        cls.addClassCleanup(cls.driver.close)
        cls.entries = {e["name"]: e for e in schemas.services()["auth"]["entries"]}
        cls.called = set()

    def say(self, method, *args, by=None, **how):
        self.called.add(method)
        by = self.root.credentials if by is None else by
        return self.driver.call(by, method, *args, **how)

    def ok(self, method, *args, by=None, **how):
        """The body of a success, which keeps to the method's schema."""
        outcome = self.say(method, *args, by=by, **how)
        self.assertIsNone(outcome.status, "%s%r: %r" % (method, args, outcome))
        output = self.entries[method].get("output")
        if output:
            self.assertEqual(schemas.problems(outcome.body, "/schemas/auth/" + output), [])
        return outcome.body

    def fails(self, status, code, text, method, *args, by=None, **how):
        outcome = self.say(method, *args, by=by, **how)
        self.assertEqual((outcome.status, outcome.code), (status, code), outcome)
        if text is not None:
            self.assertEqual(outcome.message, text)
        return outcome

    def test_what_the_client_has(self):
        for service, reference in schemas.services().items():
            if service in ("web-server",):
                continue  # no client has it
            names = {entry["name"] for entry in reference["entries"]}
            self.assertEqual(names - self.driver.methods(service), self.DRIVER.LACKS.get(service, set()),
                             service)

    def test_every_method(self):
        for part in (self.monitoring, self.clients, self.roles, self.scopes, self.audit,
                     self.authentication, self.third_parties):
            with self.subTest(part=part.__name__):
                part()
        missing = set(self.entries) - self.called
        self.assertEqual(missing, set(), "methods that no part has called")

    def monitoring(self):
        self.assertTrue(self.ok("ping", by={})["alive"])
        self.assertEqual(self.ok("lbheartbeat", by={}), {})
        self.assertEqual(self.ok("heartbeat", by={}), {})
        self.assertLessEqual({"version", "commit", "source", "build"},
                             set(self.ok("version", by={})))

    def clients(self):
        name = self.unique("project/x:y|z")
        body = {"expires": FAR, "description": "a client", "scopes": ["b:*", "a"]}
        made = self.ok("createClient", name, body)
        self.assertEqual(len(made["accessToken"]), 44)
        again = self.ok("createClient", name, body)
        self.assertEqual(again, made)
        self.fails(409, "RequestConflict", "Client already exists", "createClient", name,
                   {**body, "description": "another"})
        self.assertCountEqual(self.ok("client", name)["scopes"], ["a", "b:*"])
        listed = self.ok("listClients", query={"prefix": name})
        self.assertEqual([client["clientId"] for client in listed["clients"]], [name])
        changed = self.ok("updateClient", name, {"expires": FAR, "description": "b"})
        self.assertEqual((changed["description"], changed["scopes"]), ("b", made["scopes"]))
        reset = self.ok("resetAccessToken", name)
        self.assertNotEqual(reset["accessToken"], made["accessToken"])
        self.assertTrue(self.ok("disableClient", name)["disabled"])
        mine = {"clientId": name, "accessToken": reset["accessToken"]}
        self.fails(401, "AuthenticationFailed", "Client with clientId '%s' is disabled" % name,
                   "currentScopes", by=mine)
        self.assertFalse(self.ok("enableClient", name)["disabled"])
        self.fails(403, "InsufficientScopes", None, "currentScopes", by=mine)
        self.assertIsNone(self.ok("deleteClient", name))
        self.assertIsNone(self.ok("deleteClient", name))
        self.fails(404, "ResourceNotFound", "Client not found", "client", name)

    def roles(self):
        name = self.unique("project-role:a b?")
        body = {"description": "a role", "scopes": ["c", "b*"]}
        made = self.ok("createRole", name, body)
        self.assertEqual(made["scopes"], ["b*", "c"])
        self.assertEqual(self.ok("createRole", name, body), made)
        self.assertEqual(self.ok("role", name), made)
        changed = self.ok("updateRole", name, {"description": "c", "scopes": ["z"]})
        self.assertEqual(changed["expandedScopes"], ["assume:" + name, "z"])
        self.assertIn(name, [role["roleId"] for role in self.ok("listRoles")])
        self.assertIn(name, self.ok("listRoleIds")["roleIds"])
        page = self.ok("listRoles2", query={"limit": "1"})
        self.assertEqual(len(page["roles"]), 1)
        self.fails(400, "InputError", None, "createRole", self.unique("loop"),
                   {"description": "", "scopes": ["assume:*"]})
        self.assertIsNone(self.ok("deleteRole", name))
        self.fails(404, "ResourceNotFound", "Role not found", "role", name)

    def scopes(self):
        role = self.unique("expanding")
        self.ok("createRole", role, {"description": "", "scopes": ["queue:x"]})
        self.assertEqual(self.ok("expandScopes", {"scopes": ["assume:" + role]})["scopes"],
                         ["assume:" + role, "queue:x"])
        by = self.client("auth:current-scopes", "assume:" + role)
        self.assertEqual(self.ok("currentScopes", by=by)["scopes"],
                         ["assume:anonymous", "assume:" + role, "auth:current-scopes", "queue:x"])
        only = self.ok("currentScopes", by=by, authorized_scopes=["auth:current-scopes"])
        self.assertEqual(only["scopes"], ["assume:anonymous", "auth:current-scopes"])

    def audit(self):
        name = self.client("x")["clientId"]
        history = self.ok("getEntityHistory", "client", name)["auditHistory"]
        self.assertEqual([row["actionType"] for row in history], ["created"])
        actor = self.client("auth:create-client:*")
        made = self.unique()
        self.ok("createClient", made, {"expires": FAR, "description": ""}, by=actor)
        done = self.ok("listAuditHistory", actor["clientId"])["auditHistory"]
        self.assertEqual([row["entityId"] for row in done], [made])

    def authentication(self):
        self.assertEqual(self.ok("authenticateHawk", HAWK_REQUEST, by={})["status"], "no-auth")
        bad = {**HAWK_REQUEST, "authorization": 'Hawk id="a", ts="1"'}
        self.assertEqual(self.ok("authenticateHawk", bad, by={}),
                         {"status": "auth-failed", "message": "Bad Request: Missing attributes"})
        scopes = {"clientScopes": ["test:*"], "requiredScopes": ["test:a"]}
        self.assertEqual(self.ok("testAuthenticate", scopes, by=TESTER),
                         {"clientId": "tester", "scopes": ["assume:anonymous", "test:*"]})
        self.assertEqual(
            self.ok("testAuthenticateGet", by=TESTER),
            {"clientId": "tester",
             "scopes": ["assume:anonymous", "test:*", "auth:create-client:test:*"]})
        limited = self.ok("testAuthenticateGet", by=TESTER,
                          authorized_scopes=["test:authenticate-get"])
        self.assertEqual(limited["scopes"], ["assume:anonymous", "test:authenticate-get"])
        self.fails(401, "AuthenticationFailed", None, "testAuthenticateGet",
                   by={**TESTER, "accessToken": "wrong"})
        self.fails(401, "AuthenticationFailed", None, "testAuthenticateGet", by=TESTER,
                   authorized_scopes=["other"])
        self.fails(403, "InsufficientScopes", None, "testAuthenticate",
                   {"clientScopes": ["a"], "requiredScopes": ["b"]}, by=TESTER)

    def third_parties(self):
        none = "ResourceNotFound"
        self.fails(404, none, "No credentials available for bucket my-bucket", "awsS3Credentials",
                   "read-only", "my-bucket", "a/b/")
        self.assertEqual(self.ok("azureAccounts"), {"accounts": []})
        self.fails(404, none, "Account 'abc' not found, can't delegate access", "azureTables",
                   "abc")
        self.fails(404, none, None, "azureTableSAS", "abc", "table1", "read-only")
        self.fails(404, none, None, "azureContainers", "abc")
        self.fails(404, none, None, "azureContainerSAS", "abc", "container1", "read-write")
        self.fails(404, none, "Sentry credentials not found", "sentryDSN", "project")
        self.fails(500, "InternalServerError", None, "websocktunnelToken", "aud", "client")
        self.fails(400, "InvalidRequestArguments", "The service account sa isn't allowed",
                   "gcpCredentials", "p", "sa")
        self.fails(404, none, "Application with name `app` is not configured",
                   "githubRepoToken", "app", "owner",
                   {"permissions": {"contents": "read"}, "repositories": ["r"]})

    def test_nobody(self):
        self.fails(403, "InsufficientScopes", "This request requires Taskcluster credentials that"
                   " satisfy the following scope expression:\n\n```\nauth:list-clients\n```",
                   "listClients", by={})

    def test_too_large(self):
        """The refusal arrives, although the body is not read: otherwise it would be sent again."""
        self.fails(413, "InputTooLarge", None, "expandScopes", {"scopes": ["a" * (12 << 20)]})

    def test_pages(self):
        prefix = self.unique("pages") + "/"
        names = [self.client(name=prefix + str(i))["clientId"] for i in range(5)]
        found, query = [], {"prefix": prefix, "limit": "2"}
        while True:
            page = self.ok("listClients", query=query)
            self.assertLessEqual(len(page["clients"]), 2)
            found += [client["clientId"] for client in page["clients"]]
            if "continuationToken" not in page:
                break
            query = {**query, "continuationToken": page["continuationToken"]}
        self.assertEqual(found, names)

    def test_temporary_credentials(self):
        issuer = self.client("auth:current-scopes", "auth:create-client:temporary/*", "x:*")
        unnamed = self.driver.temporary(issuer, ["auth:current-scopes", "x:y"])
        self.assertEqual(self.ok("currentScopes", by=unnamed)["scopes"],
                         ["assume:anonymous", "auth:current-scopes", "x:y"])
        named = self.driver.temporary(issuer, ["auth:current-scopes"], "temporary/one")
        self.assertEqual(self.ok("currentScopes", by=named)["scopes"],
                         ["assume:anonymous", "auth:current-scopes"])
        self.fails(401, "AuthenticationFailed", None, "currentScopes",
                   by=self.driver.temporary(issuer, ["y"]))
        self.fails(401, "AuthenticationFailed", None, "currentScopes",
                   by=self.driver.temporary(issuer, ["x:y"], "other/one"))
        self.ok("disableClient", issuer["clientId"])
        self.fails(401, "AuthenticationFailed",
                   "Client with clientId '%s' is disabled" % issuer["clientId"],
                   "currentScopes", by=named)

    def test_temporary_tester(self):
        for name in (None, "test:temporary"):
            temporary = self.driver.temporary(TESTER, ["test:authenticate-get"], name)
            self.assertEqual(self.ok("testAuthenticateGet", by=temporary),
                             {"clientId": name or "tester",
                              "scopes": ["assume:anonymous", "test:authenticate-get"]})

    def test_signed_url(self):
        by = self.client("auth:get-client:*")
        url = self.driver.signed_url(by, "client", by["clientId"])
        status, body = fetch(url)
        self.assertEqual((status, body["clientId"]), (200, by["clientId"]))
        status, body = fetch(url.replace("bewit=", "bewit=A"))
        self.assertEqual((status, body["code"]), (401, "AuthenticationFailed"))
        temporary = self.driver.temporary(by, ["auth:get-client:*"])
        self.assertEqual(fetch(self.driver.signed_url(temporary, "client", by["clientId"]))[0], 200)


class Python(OfficialClients, ContractTest):
    DRIVER = PythonDriver


class Node(OfficialClients, ContractTest):
    DRIVER = NodeDriver


if __name__ == "__main__":
    unittest.main()
