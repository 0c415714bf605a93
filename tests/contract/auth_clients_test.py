"""Clients of auth: each error of spec/auth.md, section 10, in the order in which it is checked, and
the rules of sections 1 to 3, 11 and 14."""

import json
import time
import unittest

import answers
import schemas
from contract import FAR, ContractTest, quoted

STATIC = ('clientId "%s" starts with "static/" which is reserved for statically configured clients.'
          " Contact your administrator to change static clients.")
BAD_ID = ("Invalid URL patterns:\nURL parameter 'clientId' given as 'bad id' must match regular "
          "expression: '/^[A-Za-z0-9!@/:.+|_-]+$/'")
STARS = "scopes must not end with `**`"
BODY = {"expires": FAR, "description": "d"}


class Clients(ContractTest):
    def path(self, name, rest=""):
        return "/clients/" + quoted(name) + rest

    def stars(self, answer):
        self.refused(answer, "InputError")
        self.assertEqual(answers.text_of(answer).rstrip(), STARS)

    def missing(self, answer, caller, expression):
        """Refused, because the caller lacks just this scope and the method needs just this."""
        text = ("Client ID %s does not have sufficient scopes and is missing the following scopes:"
                "\n\n```\n%s\n```\n\nThis request requires the client to satisfy the following "
                "scope expression:\n\n```\n%s\n```")
        self.refused(answer, "InsufficientScopes",
                     text % (caller.credentials["clientId"], expression, expression))

    def test_create_in_order(self):
        name = self.unique()
        wrong = {"expires": "no date"}
        put = self.nobody.put
        self.refused(self.nobody.call("PUT", "/clients/bad%20id", raw=b"{"), "MalformedPayload")
        self.refused(put("/clients/bad%20id", wrong), "InvalidRequestArguments", BAD_ID)
        self.refused(put(self.path("static/x"), wrong), "InputValidationError")
        self.refused(put(self.path("static/x"), {**BODY, "scopes": ["a**"]}), "InputError",
                     STATIC % "static/x")
        self.stars(put(self.path(name), {**BODY, "scopes": ["a**"]}))
        self.refused(put(self.path(name), {**BODY, "scopes": ["a"]}), "InsufficientScopes",
                     "This request requires Taskcluster credentials that satisfy the following "
                     'scope expression:\n\n```\n{\n  "AllOf": [\n    "auth:create-client:%s",\n'
                     '    "a"\n  ]\n}\n```' % name)
        liar = self.root.called({**self.root.credentials, "accessToken": "x" * 44})
        self.refused(liar.put(self.path(name), BODY), "AuthenticationFailed",
                     "Unauthorized: Bad mac")
        self.client(name=name)
        self.refused(put(self.path(name), BODY), "InsufficientScopes")
        self.refused(self.root.put(self.path(name), {**BODY, "description": "x"}),
                     "RequestConflict", "Client already exists")

    def test_create_needs_every_scope(self):
        name = self.unique()
        caller = self.caller("auth:create-client:" + name, "a*")
        self.refused(caller.put(self.path(name), {**BODY, "scopes": ["ab", "b"]}),
                     "InsufficientScopes",
                     "Client ID %s does not have sufficient scopes and is missing the following "
                     "scopes:\n\n```\nb\n```\n\nThis request requires the client to satisfy the "
                     'following scope expression:\n\n```\n{\n  "AllOf": [\n'
                     '    "auth:create-client:%s",\n    "ab",\n    "b"\n  ]\n}\n```'
                     % (caller.credentials["clientId"], name))
        self.refused(self.root.get(self.path(name)), "ResourceNotFound", "Client not found")
        made = self.given(caller.put(self.path(name), {**BODY, "scopes": ["ab", "a*"]}))
        self.assertEqual(made["expandedScopes"], ["a*"])
        self.assertCountEqual(made["scopes"], ["a*", "ab"])  # their order is free

    def test_bodies(self):
        path = self.path(self.unique())
        for body in ({}, {"expires": FAR}, {"description": "d"}, {**BODY, "more": 1},
                     {**BODY, "scopes": ["a", "a"]}, {**BODY, "scopes": "a"},
                     {**BODY, "scopes": ["\n"]}, {**BODY, "scopes": ["\u00e9"]},
                     {**BODY, "description": "x" * 10241}, {**BODY, "expires": 7},
                     {**BODY, "expires": "2025-02-30T00:00:00Z"},
                     {**BODY, "deleteOnExpiration": "yes"}):
            for verb in ("PUT", "POST"):
                with self.subTest(body=str(body)[:80], verb=verb):
                    answer = self.root.call(verb, path, body=body)
                    refused = self.refused(answer, "InputValidationError")
                    self.assertIn("/schemas/auth/v1/create-client-request.json#",
                                  refused["message"])
                    self.assertEqual(refused["requestInfo"]["payload"],
                                     {"deleteOnExpiration": False, **body})
        self.refused(self.root.get(path), "ResourceNotFound")

    def test_what_is_accepted(self):
        for body, name in (({"description": "x" * 10240}, None),
                           ({"description": "\u00e9" * 9}, None), ({"scopes": [""]}, None),
                           ({"expires": "2999-01-01 00:00:00+01"}, None),
                           ({}, "a!@/:.+|_-" + "long" * 200)):
            with self.subTest(body=str(body)[:80]):
                made = self.given(self.root.put(self.path(name or self.unique()), {**BODY, **body}))
                for key in ("description", "scopes"):
                    self.assertEqual(made[key], {**BODY, "scopes": [], **body}[key])
        self.assertEqual(made["created"], made["lastModified"])

    def test_create_twice(self):
        name = self.unique()
        body = {**BODY, "scopes": ["b", "a"], "deleteOnExpiration": True}
        made = self.given(self.root.put(self.path(name), body))
        self.assertEqual(len(made["accessToken"]), 44)
        self.assertEqual(self.given(self.root.put(self.path(name), body)), made)
        same_instant = {**body, "expires": "2999-01-01T01:00:00.000+01:00"}
        self.assertEqual(self.given(self.root.put(self.path(name), same_instant)), made)
        without = {**body, "deleteOnExpiration": False}
        self.assertEqual(self.given(self.root.put(self.path(name), without)), made)
        for change in ({"scopes": ["a", "b"]}, {"scopes": ["b"]}, {"description": "other"},
                       {"expires": "2998-01-01T00:00:00.000Z"}):
            self.refused(self.root.put(self.path(name), {**body, **change}), "RequestConflict")
        self.assertEqual(self.actions(name), ["created"] * 4)
        self.given(self.root.post(self.path(name, "/disable")))
        self.refused(self.root.put(self.path(name), body), "RequestConflict")

    def actions(self, name, kind="client"):
        rows = self.given(self.root.get("/audit/%s/%s" % (kind, quoted(name))))["auditHistory"]
        return [row["actionType"] for row in rows]

    def test_update_in_order(self):
        name = self.unique()
        post = self.nobody.post
        self.refused(post("/clients/bad%20id", {}), "InvalidRequestArguments", BAD_ID)
        self.refused(post(self.path("static/x"), {}), "InputValidationError")
        self.refused(post(self.path("static/x"), {**BODY, "scopes": ["a**"]}), "InputError",
                     STATIC % "static/x")
        self.stars(post(self.path(name), {**BODY, "scopes": ["a**"]}))
        self.refused(post(self.path(name), {**BODY, "scopes": ["a"]}), "ResourceNotFound",
                     "Client not found")
        self.client(name=name)
        self.refused(post(self.path(name), BODY), "InsufficientScopes",
                     "This request requires Taskcluster credentials that satisfy the following "
                     'scope expression:\n\n```\n{\n  "AllOf": [\n    "auth:update-client:%s"\n'
                     "  ]\n}\n```" % name)

    def test_update_needs_what_is_added(self):
        name = self.client("a*", "b", "c")["clientId"]
        caller = self.caller("auth:update-client:" + name)
        for scopes, allowed in ((["a*", "b"], True), (["b", "a*"], True), ([], True),
                                (["b"], False)):
            with self.subTest(scopes=scopes):
                answer = caller.post(self.path(name), {**BODY, "scopes": scopes})
                self.assertEqual(answer.status, 200 if allowed else 403, answer)
        self.given(self.root.post(self.path(name), {**BODY, "scopes": ["a*"]}))
        # Covered by a star scope is still added.
        self.refused(caller.post(self.path(name), {**BODY, "scopes": ["a*", "ab"]}),
                     "InsufficientScopes")

    def test_update_keeps_and_clears(self):
        name = self.unique()
        made = self.given(self.root.put(self.path(name), {
            **BODY, "scopes": ["b", "a"], "deleteOnExpiration": True}))
        del made["accessToken"]
        changed = self.given(self.root.post(self.path(name), {**BODY, "description": "e"}))
        self.assertGreaterEqual(changed["lastModified"], made["lastModified"])
        self.assertEqual(changed, {**made, "description": "e", "deleteOnExpiration": False,
                                   "lastModified": changed["lastModified"]})
        self.assertEqual(self.given(self.root.get(self.path(name))), changed)

    def test_route_authorised_in_order(self):
        """Reset, enable, disable: scopes, pattern, static, existence."""
        for action, scope in (("/reset", "reset-access-token"), ("/enable", "enable-client"),
                              ("/disable", "disable-client")):
            with self.subTest(action=action):
                name = self.unique()
                self.refused(self.nobody.post("/clients/bad%20id" + action), "InsufficientScopes")
                self.refused(self.root.post("/clients/bad%20id" + action),
                             "InvalidRequestArguments", BAD_ID)
                self.refused(self.nobody.post(self.path("static/x", action)), "InsufficientScopes")
                self.refused(self.root.post(self.path("static/x", action)), "InputError",
                             STATIC % "static/x")
                caller = self.caller("auth:%s:%s" % (scope, name))
                self.refused(caller.post(self.path(name, action)), "ResourceNotFound",
                             "Client not found")
                self.client(name=name)
                self.given(caller.post(self.path(name, action)))
                other = self.caller("auth:%s:other" % scope)
                self.missing(other.post(self.path(name, action)), other,
                             "auth:%s:%s" % (scope, name))

    def test_delete_in_order(self):
        self.refused(self.nobody.delete("/clients/bad%20id"), "InsufficientScopes")
        self.refused(self.root.delete("/clients/bad%20id"), "InvalidRequestArguments", BAD_ID)
        self.refused(self.nobody.delete(self.path("static/x")), "InsufficientScopes")
        self.refused(self.root.delete(self.path("static/x")), "InputError", STATIC % "static/x")
        name = self.client()["clientId"]
        for _ in range(2):
            self.assertEqual(self.root.delete(self.path(name)).status, 204)
        self.assertEqual(self.actions(name), ["created", "deleted", "deleted"])

    def test_own_static_client(self):
        name = self.root.credentials["clientId"]
        self.assertTrue(name.startswith("static/"))
        self.assertEqual(self.given(self.root.get(self.path(name)))["scopes"], ["*"])
        self.refused(self.root.delete(self.path(name)), "InputError", STATIC % name)
        self.refused(self.root.post(self.path(name, "/reset")), "InputError", STATIC % name)
        self.refused(self.root.put(self.path(name), BODY), "InputError", STATIC % name)

    def test_reset_ends_the_old_token(self):
        client = self.client("auth:current-scopes")
        before = self.given(self.root.get(self.path(client["clientId"])))
        after = self.given(self.root.post(self.path(client["clientId"], "/reset")))
        self.assertEqual({**before, "accessToken": after["accessToken"],
                          "lastModified": after["lastModified"],
                          "lastRotated": after["lastRotated"]}, after)
        self.refused(self.root.called(client).get("/scopes/current"), "AuthenticationFailed",
                     "Unauthorized: Bad mac")
        new = {**client, "accessToken": after["accessToken"]}
        self.given(self.root.called(new).get("/scopes/current"))

    def test_disabled(self):
        client = self.client("auth:current-scopes")
        path, caller = self.path(client["clientId"]), self.root.called(client)
        self.given(caller.get("/scopes/current"))
        for _ in range(2):
            self.assertTrue(self.given(self.root.post(path + "/disable"))["disabled"])
        self.refused(caller.get("/scopes/current"), "AuthenticationFailed",
                     "Client with clientId '%s' is disabled" % client["clientId"])
        self.assertTrue(self.given(self.root.post(path, BODY | {"scopes": []}))["disabled"])
        for _ in range(2):
            self.assertFalse(self.given(self.root.post(path + "/enable"))["disabled"])
        self.refused(caller.get("/scopes/current"), "InsufficientScopes")
        self.assertEqual(self.actions(client["clientId"]),
                         ["created", "client disabled", "client disabled", "updated",
                          "client enabled", "client enabled"])

    def test_expired(self):
        client = self.client("auth:current-scopes", expires="2020-01-01T00:00:00.000Z")
        name, caller = client["clientId"], self.root.called(client)
        self.refused(caller.get("/scopes/current"), "AuthenticationFailed",
                     "Client with clientId: '%s' has expired" % name)
        self.assertEqual(self.given(self.root.get(self.path(name)))["expires"],
                         "2020-01-01T00:00:00.000Z")
        self.given(self.root.post(self.path(name), BODY))
        self.given(caller.get("/scopes/current"))

    def test_expires_while_it_is_used(self):
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        caller = self.caller("auth:current-scopes", expires=soon)
        end = time.monotonic() + 120
        while caller.get("/scopes/current").status == 200:
            self.assertLess(time.monotonic(), end)
        self.refused(caller.get("/scopes/current"), "AuthenticationFailed")

    def test_get(self):
        self.refused(self.nobody.get("/clients/bad%20id"), "InsufficientScopes")
        self.refused(self.root.get("/clients/bad%20id"), "InvalidRequestArguments", BAD_ID)
        self.refused(self.root.get("/clients/nobody"), "ResourceNotFound", "Client not found")
        caller = self.caller("auth:get-client:a/*")
        self.refused(caller.get("/clients/a%2Fb"), "ResourceNotFound")
        self.missing(caller.get("/clients/b%2Fa"), caller, "auth:get-client:b/a")

    def test_list_in_order(self):
        self.refused(self.nobody.get("/clients/?limit=x"), "InsufficientScopes")
        caller = self.caller("auth:list-clients")
        texts = {
            "limit=x": 'limit="x" does not match expression: /^[0-9]+$/',
            "limit=": 'limit="" does not match expression: /^[0-9]+$/',
            "other=1": "other is not supported!",
            "limit=1&limit=2": "limit must be a string!",
            "limit[a]=1": "limit[a] is not supported!",
            "continuationToken=": 'continuationToken="" does not match expression: /./',
        }
        for query, text in texts.items():
            self.refused(caller.get("/clients/?" + query), "InvalidRequestArguments",
                         "Query-string parameter: " + text)
        self.refused(caller.get("/clients/?continuationToken=%C3%A9"), "InputError",
                     "Invalid continuation token")
        many = self.refused(caller.get("/clients/?limit=x&other=1"), "InvalidRequestArguments")
        for line in (texts["limit=x"], texts["other=1"]):
            self.assertIn("Query-string parameter: " + line, many["message"])

    def test_pages(self):
        prefix = self.unique() + "/"
        names = sorted(self.client(name=prefix + str(i))["clientId"] for i in range(7))
        for limit in (1, 2, 3, 7, 8, 1000, 5000):
            found, token = [], ""
            while token is not None:
                page = self.given(self.root.get("/clients/?prefix=%s&limit=%d%s" % (
                    quoted(prefix), limit, token and "&continuationToken=" + quoted(token))))
                self.assertLessEqual(len(page["clients"]), limit)
                found += [client["clientId"] for client in page["clients"]]
                token = page.get("continuationToken")
            self.assertEqual(found, names, limit)
        everything = self.given(self.root.get("/clients/"))["clients"]
        ids = [client["clientId"] for client in everything]
        self.assertEqual(ids, sorted(ids))

    def test_audit(self):
        actor = self.caller("auth:*")
        name = self.unique("test/a/b")
        self.given(actor.put(self.path(name), BODY))
        self.given(actor.post(self.path(name), BODY))
        self.given(actor.post(self.path(name, "/reset")))
        path = "/audit/client/" + quoted(name)
        rows = self.given(self.root.get(path))["auditHistory"]
        who = actor.credentials["clientId"]
        self.assertEqual([(r["clientId"], r["entityType"], r["entityId"], r["actionType"])
                          for r in rows],
                         [(who, "client", name, action)
                          for action in ("created", "updated", "access token reset")])
        self.assertEqual([r["created"] for r in rows], sorted(r["created"] for r in rows))
        first = self.given(self.root.get(path + "?limit=2"))
        self.assertEqual(first["auditHistory"], rows[:2])
        rest = self.given(self.root.get(path + "?limit=2&continuationToken="
                                        + quoted(first["continuationToken"])))
        self.assertEqual(rest, {"auditHistory": rows[2:]})
        done = self.given(self.root.get(self.path(who, "/audit")))["auditHistory"]
        self.assertEqual(done, rows)

    def test_events(self):
        """A message for each change, behind it, of the contract's form."""
        name, role = self.client()["clientId"], self.unique("events")
        self.given(self.root.post(self.path(name), BODY))
        for action in ("/disable", "/enable", "/reset"):
            self.given(self.root.post(self.path(name, action)))
        self.assertEqual(self.root.delete(self.path(name)).status, 204)
        for verb in ("PUT", "POST"):
            self.given(self.root.call(verb, "/roles/" + role,
                                      body={"description": "", "scopes": []}))
        self.assertEqual(self.root.delete("/roles/" + role).status, 204)
        events = [json.loads(line) for line in self.server.run("events", "--json").splitlines()]
        mine = [event for event in events
                if name in event["payload"].values() or role in event["payload"].values()]
        prefix = "exchange/taskcluster-auth/v1/"
        self.assertEqual([event["exchange"].removeprefix(prefix) for event in mine],
                         ["client-created", *["client-updated"] * 4, "client-deleted",
                          "role-created", "role-updated", "role-deleted"])
        for event in mine:
            kind = event["exchange"].removeprefix(prefix).split("-")[0]
            self.assertEqual((event["routingKey"], event["cc"]), ("_", []))
            self.assertEqual(schemas.problems(event["payload"],
                                              "/schemas/auth/v1/%s-message.json" % kind), [])

    def test_audit_in_order(self):
        self.refused(self.nobody.get("/audit/nothing/x?limit=x"), "InsufficientScopes")
        self.refused(self.root.get("/audit/nothing/x?limit=x"), "InvalidRequestArguments",
                     "Invalid URL patterns:\nURL parameter 'entityType' given as 'nothing' must "
                     "match regular expression: '/^(client|role|secret|hook|worker-pool)$/'")
        self.refused(self.nobody.get("/clients/bad%20id/audit?limit=x"), "InsufficientScopes")
        self.refused(self.root.get("/clients/bad%20id/audit?limit=x"), "InvalidRequestArguments",
                     BAD_ID)
        for path, scope in (("/audit/client/x", "auth:audit-history:client"),
                            ("/clients/x/audit", "auth:client-audit-history:x")):
            caller = self.caller(scope)
            self.assertEqual(self.given(caller.get(path)), {"auditHistory": []})
            self.refused(self.nobody.get(path + "?limit=x"), "InsufficientScopes")
            self.refused(caller.get(path + "?limit=x"), "InvalidRequestArguments")
            self.refused(caller.get(path + "?continuationToken=%C3%A9"), "InputError",
                         "Invalid continuation token")


if __name__ == "__main__":
    unittest.main()
