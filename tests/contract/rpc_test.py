"""The service auth over Cap'n Proto RPC: every method, errors by their codes, and that each call is
checked against what its caller may do at that moment."""

import calendar
import unittest

import hawk
import rpc
from contract import ContractTest, quoted
from rpc import Connection, Refused, call

EXPIRES = calendar.timegm((2999, 1, 1, 0, 0, 0)) * 1000
REQUEST = {"expires": EXPIRES, "description": "d"}
METHODS = rpc.method_names("auth")


class Rpc(ContractTest):
    def run_async(self, coroutine):
        rpc.run(coroutine)

    async def connect(self, credentials, authorized_scopes=None):
        connection = await Connection.dial(self.server.rpc_port())
        return connection, await connection.auth(credentials, authorized_scopes)

    async def fails(self, code, text, promise):
        with self.assertRaises(Refused) as caught:
            await call(promise)
        self.assertEqual(caught.exception.code, code, caught.exception)
        if text is not None:
            self.assertIn(text, caught.exception.text)

    def test_every_method(self):
        self.run_async(self.every_method())

    async def every_method(self):
        _, auth = await self.connect(self.root.credentials)
        self.said = set()
        for part in (self.monitoring, self.clients, self.roles, self.scopes, self.third_parties):
            await part(auth)
        self.assertEqual(METHODS - self.said, set())

    def say(self, auth, method, **arguments):
        self.said.add(method)
        return call(getattr(auth, method)(**arguments))

    async def monitoring(self, auth):
        self.assertTrue((await self.say(auth, "ping")).alive)
        await self.say(auth, "heartbeat")
        await self.say(auth, "lbheartbeat")
        self.assertTrue((await self.say(auth, "version")).version)

    async def clients(self, auth):
        name = self.unique("rpc/a:b|c")
        request = {**REQUEST, "scopes": ["b", "a*"]}
        made = await self.say(auth, "createClient", clientId=name, payload=request)
        self.assertEqual((made.clientId, len(made.accessToken)), (name, 44))
        self.assertEqual(list(made.expandedScopes), ["a*", "b"])
        again = await self.say(auth, "createClient", clientId=name, payload=request)
        self.assertEqual(again.accessToken, made.accessToken)
        await self.fails("RequestConflict", "Client already exists", auth.createClient(
            clientId=name, payload={**request, "description": "e"}))
        changed = await self.say(auth, "updateClient", clientId=name,
                                 payload={**REQUEST, "description": "e"})
        self.assertEqual((changed.description, len(changed.scopes)), ("e", 2))
        self.assertTrue((await self.say(auth, "disableClient", clientId=name)).disabled)
        self.assertFalse((await self.say(auth, "enableClient", clientId=name)).disabled)
        reset = await self.say(auth, "resetAccessToken", clientId=name)
        self.assertNotEqual(reset.accessToken, made.accessToken)
        listed = await self.say(auth, "listClients", prefix=name)
        self.assertEqual([client.clientId for client in listed.clients], [name])
        history = await self.say(auth, "getEntityHistory", entityType="client", entityId=name)
        self.assertEqual([row.actionType for row in history.auditHistory],
                         ["created", "created", "updated", "client disabled", "client enabled",
                          "access token reset"])
        done = await self.say(auth, "listAuditHistory", clientId=name)
        self.assertEqual(len(done.auditHistory), 0)
        await self.say(auth, "deleteClient", clientId=name)
        self.said.add("client")
        await self.fails("ResourceNotFound", "Client not found", auth.client(clientId=name))

    async def roles(self, auth):
        name = self.unique("rpc-role:x y")
        request = {"description": "d", "scopes": ["c", "b*"]}
        made = await self.say(auth, "createRole", roleId=name, payload=request)
        self.assertEqual(list(made.scopes), ["b*", "c"])
        role = await self.say(auth, "role", roleId=name)
        self.assertEqual(role.created, made.created)
        changed = await self.say(auth, "updateRole", roleId=name, payload={**request,
                                                                           "scopes": []})
        self.assertEqual(len(changed.scopes), 0)
        self.assertEqual(len((await self.say(auth, "listRoles")).roles), 1)
        self.assertEqual(len((await self.say(auth, "listRoles2", limit=1)).roles), 1)
        self.assertEqual(list((await self.say(auth, "listRoleIds")).roleIds), [name])
        await self.fails("InputError", "dependency cycles", auth.updateRole(
            roleId=name, payload={**request, "scopes": ["assume:*"]}))
        await self.say(auth, "deleteRole", roleId=name)
        await self.fails("ResourceNotFound", "Role not found", auth.role(roleId=name))

    async def scopes(self, auth):
        expanded = await self.say(auth, "expandScopes", payload={"scopes": ["b", "a*", "ab"]})
        self.assertEqual(list(expanded.scopes), ["a*", "b"])
        mine = await self.say(auth, "currentScopes")
        self.assertEqual(list(mine.scopes), ["*"])
        request = {"method": "get", "resource": "/x", "host": "tc.example.com", "port": 443}
        answer = await self.say(auth, "authenticateHawk", payload=request)
        self.assertEqual(answer.which(), "absence")
        self.said |= {"testAuthenticate", "testAuthenticateGet"}
        await self.fails("InputError", "over HTTP", auth.testAuthenticateGet())
        await self.fails("InputError", "over HTTP", auth.testAuthenticate(payload={}))

    async def third_parties(self, auth):
        none = "ResourceNotFound"
        for code, method, arguments in (
                (none, "awsS3Credentials", {"level": "read-only", "bucket": "bucket",
                                            "prefix": "x"}),
                (none, "azureTables", {"account": "abc"}),
                (none, "azureTableSAS", {"account": "abc", "table": "tab", "level": "read-only"}),
                (none, "azureContainers", {"account": "abc"}),
                (none, "azureContainerSAS", {"account": "abc", "container": "con",
                                             "level": "read-only"}),
                (none, "sentryDSN", {"project": "p"}),
                ("InternalServerError", "websocktunnelToken", {"wstAudience": "a",
                                                               "wstClient": "b"}),
                ("InvalidRequestArguments", "gcpCredentials", {"projectId": "p",
                                                               "serviceAccount": "s"}),
                (none, "githubRepoToken",
                 {"appName": "a", "owner": "o",
                  "payload": {"permissions": {"contents": "read"}, "repositories": ["r"]}})):
            self.said.add(method)
            with self.subTest(method=method):
                await self.fails(code, None, getattr(auth, method)(**arguments))
        self.assertEqual(len((await self.say(auth, "azureAccounts")).accounts), 0)

    def test_limits_of_values(self):
        self.run_async(self.limits_of_values())

    async def limits_of_values(self):
        """They are those of HTTP."""
        _, auth = await self.connect(self.root.credentials)
        await self.fails("InvalidRequestArguments", "bad id", auth.client(clientId="bad id"))
        await self.fails("InvalidRequestArguments", None, auth.listClients(prefix="bad id"))
        for payload in ({**REQUEST, "scopes": ["a", "a"]}, {**REQUEST, "scopes": ["\n"]},
                        {**REQUEST, "description": "x" * 10241}, {"description": "d"}):
            await self.fails("InputValidationError", None,
                             auth.createClient(clientId="rpc/x", payload=payload))
        await self.fails("InputError", "static/", auth.createClient(clientId="static/x",
                                                                    payload=REQUEST))
        await self.fails("InputError", "**", auth.createClient(
            clientId="rpc/x", payload={**REQUEST, "scopes": ["a**"]}))

    def test_few_scopes(self):
        self.run_async(self.few_scopes())

    async def few_scopes(self):
        """A method is refused by the name of the scope that is missing."""
        credentials = self.client("auth:get-client:rpc/*", "auth:create-client:rpc/*", "q*")
        _, auth = await self.connect(credentials)
        await self.fails("ResourceNotFound", None, auth.client(clientId="rpc/none"))
        await self.fails("InsufficientScopes", "auth:get-client:other",
                         auth.client(clientId="other"))
        await self.fails("InsufficientScopes", "auth:list-roles", auth.listRoles())
        await self.fails("InsufficientScopes", "auth:current-scopes", auth.currentScopes())
        name = self.unique("rpc/few")
        await self.fails("InsufficientScopes", "```\nb\n```", auth.createClient(
            clientId=name, payload={**REQUEST, "scopes": ["qb", "b"]}))
        await call(auth.createClient(clientId=name, payload={**REQUEST, "scopes": ["qb"]}))

    def test_other_services_ask_for_scopes(self):
        self.run_async(self.other_services())

    async def other_services(self):
        connection = await Connection.dial(self.server.rpc_port())
        session = await connection.authenticate(self.client("x"))
        queue = (await call(session.queue())).queue
        await self.fails("InsufficientScopes", "queue:get-task:",
                         queue.task(taskId="fN1SbArXTPSVFNUvaOlinQ"))

    def test_what_changes_meanwhile(self):
        self.run_async(self.what_changes_meanwhile())

    async def what_changes_meanwhile(self):
        """A session has what its client has at each call."""
        credentials = self.client("auth:current-scopes")
        path = "/clients/" + quoted(credentials["clientId"])
        _, auth = await self.connect(credentials)
        self.assertEqual(list((await call(auth.currentScopes())).scopes),
                         ["assume:anonymous", "auth:current-scopes"])
        body = {"expires": "2999-01-01T00:00:00Z", "description": ""}
        self.given(self.root.post(path, {**body, "scopes": ["auth:current-scopes", "new"]}))
        self.assertEqual(list((await call(auth.currentScopes())).scopes),
                         ["assume:anonymous", "auth:current-scopes", "new"])
        self.given(self.root.post(path + "/disable"))
        await self.fails("AuthenticationFailed", "is disabled", auth.currentScopes())
        self.given(self.root.post(path + "/enable"))
        await call(auth.currentScopes())
        self.given(self.root.post(path, {**body, "scopes": []}))
        await self.fails("InsufficientScopes", "auth:current-scopes", auth.currentScopes())
        self.given(self.root.post(path, {**body, "scopes": ["auth:current-scopes"]}))
        self.given(self.root.post(path + "/reset"))
        await self.fails("AuthenticationFailed", None, auth.currentScopes())

    def test_calls_are_counted(self):
        self.run_async(self.calls_are_counted())

    async def calls_are_counted(self):
        """Sessions by how they were proven, calls by how they ended: as over HTTP."""
        calls = 'rpc_requests_total{name="client",service="auth",status="%d"}'
        proven = 'auth_success_total{credentials="%s",scheme="rpc"}'
        failed = 'auth_failure_total{reason="%s",scheme="rpc"}'
        before = self.figures()
        credentials = self.client("auth:get-client:*")
        name = credentials["clientId"]
        _, auth = await self.connect(credentials)
        await call(auth.client(clientId=name))
        await self.fails("ResourceNotFound", None, auth.client(clientId="nobody/at/all"))
        _, other = await self.connect(hawk.temporary(credentials, []))
        await self.fails("InsufficientScopes", None, other.client(clientId=name))
        with self.assertRaises(Refused):
            await self.connect({**credentials, "accessToken": "A" * 44})
        with self.assertRaises(Refused):
            await self.connect({**credentials, "clientId": "nobody/at/all"})
        after = self.figures()
        for line in (calls % 200, calls % 404, calls % 403, proven % "permanent",
                     proven % "temporary", failed % "mac", failed % "unknown-client"):
            self.assertEqual(after.get(line, 0) - before.get(line, 0), 1, line)
        seconds = 'rpc_request_duration_seconds_count{name="client",service="auth"}'
        self.assertEqual(after[seconds] - before.get(seconds, 0), 3)

    def test_restricted(self):
        self.run_async(self.restricted())

    async def restricted(self):
        """Temporary credentials, and sessions that may do less than their client, as over HTTP."""
        issuer = self.client("auth:current-scopes", "auth:create-client:temporary/*", "x:*")
        scopes = ["auth:current-scopes", "x:1"]
        for name in (None, "temporary/one"):
            temporary = hawk.temporary(issuer, scopes, name=name)
            _, auth = await self.connect(temporary)
            self.assertEqual(list((await call(auth.currentScopes())).scopes),
                             ["assume:anonymous", *scopes])
            _, auth = await self.connect(temporary, ["auth:current-scopes"])
            self.assertEqual(list((await call(auth.currentScopes())).scopes),
                             ["assume:anonymous", "auth:current-scopes"])
        for credentials, limits in (
                (hawk.temporary(issuer, ["y"]), None), (issuer, ["y"]),
                (hawk.temporary(issuer, scopes, name="other"), None),
                (hawk.temporary(issuer, scopes, expiry_ms=1_000_000), None),
                (hawk.temporary(issuer, scopes, changes={"scopes": ["x:*"]}), None)):
            with self.assertRaises(Refused) as caught:
                await self.connect(credentials, limits)
            self.assertEqual(caught.exception.code, "AuthenticationFailed", caught.exception)
        self.given(self.root.post("/clients/%s/disable" % quoted(issuer["clientId"])))
        await self.fails("AuthenticationFailed", None, auth.currentScopes())

    def test_who_is_let_in(self):
        self.run_async(self.who_is_let_in())

    async def who_is_let_in(self):
        good = self.client("auth:current-scopes")
        disabled = self.client("x")
        self.given(self.root.post("/clients/%s/disable" % quoted(disabled["clientId"])))
        expired = self.client("x", expires="2020-01-01T00:00:00Z")
        for credentials in ({**good, "accessToken": "x" * 44}, {**good, "clientId": "nobody"},
                            disabled, expired):
            connection = await Connection.dial(self.server.rpc_port())
            with self.assertRaises(Refused) as caught:
                await connection.auth(credentials)
            self.assertEqual(caught.exception.code, "AuthenticationFailed", caught.exception)
            # Another try on the same connection has another nonce.
            auth = await connection.auth(good)
            await call(auth.currentScopes())

    def test_what_http_sees(self):
        self.run_async(self.what_http_sees())

    async def what_http_sees(self):
        """Both faces are one service."""
        _, auth = await self.connect(self.root.credentials)
        name = self.unique("rpc/both")
        made = await call(auth.createClient(clientId=name, payload={
            **REQUEST, "scopes": ["auth:current-scopes"]}))
        credentials = {"clientId": name, "accessToken": made.accessToken}
        self.given(self.root.called(credentials).get("/scopes/current"))
        await call(auth.disableClient(clientId=name))
        self.refused(self.root.called(credentials).get("/scopes/current"), "AuthenticationFailed")
        http = self.given(self.root.get("/clients/" + quoted(name)))
        over_rpc = await call(auth.client(clientId=name))
        self.assertEqual((http["expires"], over_rpc.expires), ("2999-01-01T00:00:00.000Z", EXPIRES))


if __name__ == "__main__":
    unittest.main()
