"""Roles of auth: each error of spec/auth.md, section 10, in the order in which it is checked, the
rules of sections 1, 2 and 11, and the contract's vectors of expansion and validity."""

import re
import unittest

import answers
import schemas
from contract import FAR, ContractTest, quoted

BODY = {"description": "d", "scopes": []}
STARS = "scopes must not end with `**`"


class Roles(ContractTest):
    def path(self, name):
        return "/roles/" + quoted(name)

    def unique_role(self):
        return self.unique("test-role:x")

    def stars(self, answer):
        self.refused(answer, "InputError")
        self.assertEqual(answers.text_of(answer).rstrip(), STARS)

    def bad_id(self, answer):
        """Refused for a roleId of `\\x01`."""
        self.refused(answer, "InvalidRequestArguments",
                     "Invalid URL patterns:\nURL parameter 'roleId' given as '\x01' must match "
                     "regular expression: '/^[\\x20-\\x7e]+$/'")

    def delete_all(self):
        for role in self.given(self.root.get("/roleids/"))["roleIds"]:
            self.assertEqual(self.root.delete(self.path(role)).status, 204)

    def test_create_in_order(self):
        name, put = self.unique_role(), self.nobody.put
        self.refused(self.nobody.call("PUT", "/roles/%01", raw=b"{"), "MalformedPayload")
        self.bad_id(put("/roles/%01", {}))
        self.refused(put(self.path(name), {"scopes": ["a**"]}), "InputValidationError")
        self.stars(put(self.path(name), {**BODY, "scopes": ["a**"]}))
        self.refused(put(self.path(name), {**BODY, "scopes": ["a"]}), "InsufficientScopes",
                     "This request requires Taskcluster credentials that satisfy the following "
                     'scope expression:\n\n```\n{\n  "AllOf": [\n    "auth:create-role:%s",\n'
                     '    "a"\n  ]\n}\n```' % name)
        self.given(self.root.put(self.path(name), BODY))
        self.refused(put(self.path(name), {**BODY, "scopes": ["a"]}), "InsufficientScopes")
        loop = {**BODY, "scopes": ["assume:" + name]}
        self.refused(self.root.put(self.path(name), loop), "RequestConflict",
                     "Role with roleId '%s' already exists" % name)
        self.assertEqual(self.root.delete(self.path(name)).status, 204)
        self.refused(self.root.put(self.path(name), loop), "InputError",
                     "Roles may not contain dependency cycles, found: 'assume:%s' -> 'assume:%s'"
                     % (name, name))
        self.refused(self.root.get(self.path(name)), "ResourceNotFound", "Role not found")

    def test_create_twice(self):
        name = self.unique_role()
        body = {**BODY, "scopes": ["c", "b*", "bb"]}
        made = self.given(self.root.put(self.path(name), body))
        self.assertEqual(made["scopes"], ["b*", "bb", "c"])
        self.assertEqual(made["expandedScopes"], ["assume:" + name, "b*", "c"])
        again = {**body, "scopes": ["bb", "c", "b*"]}
        self.assertEqual(self.given(self.root.put(self.path(name), again)), made)
        history = self.given(self.root.get("/audit/role/" + quoted(name)))["auditHistory"]
        self.assertEqual([row["actionType"] for row in history], ["created"] * 2)
        for change in ({"description": "e"}, {"scopes": ["b*", "c"]}):
            self.refused(self.root.put(self.path(name), {**body, **change}), "RequestConflict")

    def test_create_needs_every_scope(self):
        name = self.unique_role()
        caller = self.caller("auth:create-role:" + name, "a", "s:*")
        body = {**BODY, "scopes": ["a", "s:<..>"]}
        self.given(caller.put(self.path(name), body))
        other = self.caller("auth:create-role:*", "a", "s:x*")
        self.refused(other.put(self.path(self.unique_role()), body), "InsufficientScopes")

    def test_names(self):
        for name in ("a/b c?d*e", " ", "~!@#$%^&()_+{}|:\"<>?", "p*", "%2F", "x" * 600):
            with self.subTest(name=name[:40]):
                made = self.given(self.root.put(self.path(name), BODY))
                self.assertEqual(made["roleId"], name)
                self.assertEqual(self.given(self.root.get(self.path(name))), made)
                self.assertEqual(self.root.delete(self.path(name)).status, 204)
        self.bad_id(self.root.get("/roles/%01"))

    def test_bodies(self):
        path = self.path(self.unique_role())
        for body in ({}, {"scopes": []}, {"description": ""}, {**BODY, "more": 1},
                     {**BODY, "scopes": ["a", "a"]}, {**BODY, "scopes": ["\x7f"]},
                     {**BODY, "description": "x" * 10241}, {**BODY, "scopes": {}}):
            for verb in ("PUT", "POST"):
                with self.subTest(body=str(body)[:60], verb=verb):
                    self.refused(self.root.call(verb, path, body=body), "InputValidationError")
        self.refused(self.root.get(path), "ResourceNotFound")

    def test_how_many_scopes(self):
        """As many in a client; both say so where they are described."""
        body = {**BODY, "scopes": ["a:%d" % i for i in range(10_000)]}
        client = {**body, "expires": FAR}
        for put, path, right in ((self.root.put, self.path(self.unique_role()), body),
                                 (self.root.put, "/clients/" + quoted(self.unique()), client)):
            wrong = {**right, "scopes": [*right["scopes"], "one:more"]}
            self.refused(put(path, wrong), "InputError", "at most 10000 scopes, not 10001")
            self.refused(self.root.get(path), "ResourceNotFound")
            self.given(put(path, right))
            self.refused(self.root.post(path, wrong), "InputError")
            self.assertEqual(self.root.delete(path).status, 204)
        entries = self.nobody.get("/references/auth/v1/api.json", api="").json["entries"]
        for name in ("createClient", "updateClient", "createRole", "updateRole"):
            entry = next(one for one in entries if one["name"] == name)
            self.assertIn("10,000 scopes", entry["description"])

    def test_update_in_order(self):
        name, post = self.unique_role(), self.nobody.post
        self.bad_id(post("/roles/%01", {}))
        self.refused(post(self.path(name), {}), "InputValidationError")
        self.stars(post(self.path(name), {**BODY, "scopes": ["a**"]}))
        self.refused(post(self.path(name), {**BODY, "scopes": ["a"]}), "ResourceNotFound",
                     "Role with roleId '%s' not found" % name)
        made = self.given(self.root.put(self.path(name), BODY))
        loop = {**BODY, "scopes": ["assume:" + name]}
        self.refused(post(self.path(name), loop), "InsufficientScopes")
        self.refused(self.root.post(self.path(name), loop), "InputError")
        self.assertEqual(self.given(self.root.get(self.path(name))), made)

    def test_update_keeps_the_order_given(self):
        name = self.unique_role()
        made = self.given(self.root.put(self.path(name), BODY))
        changed = self.given(self.root.post(self.path(name), {"description": "e",
                                                              "scopes": ["b", "a"]}))
        self.assertGreaterEqual(changed["lastModified"], made["lastModified"])
        self.assertEqual(changed, {**made, "description": "e", "scopes": ["b", "a"],
                                   "expandedScopes": ["a", "assume:" + name, "b"],
                                   "lastModified": changed["lastModified"]})
        self.assertEqual(self.given(self.root.get(self.path(name))), changed)

    def test_update_needs_what_is_added(self):
        """Added is what the role's expanded scopes do not satisfy: not as for clients."""
        inner, name = self.unique_role(), self.unique_role()
        self.given(self.root.put(self.path(inner), {**BODY, "scopes": ["i:*"]}))
        self.given(self.root.put(self.path(name), {**BODY, "scopes": ["b*", "assume:" + inner]}))
        caller = self.caller("auth:update-role:" + name)
        self.given(caller.post(self.path(name), {**BODY, "scopes": ["bb", "i:x",
                                                                    "assume:" + inner]}))
        answer = caller.post(self.path(name), {**BODY, "scopes": ["bc"]})
        self.refused(answer, "InsufficientScopes")
        self.assertIn('"bc"', answer.json["message"])
        self.given(caller.post(self.path(name), BODY))

    def test_delete(self):
        self.refused(self.nobody.delete("/roles/%01"), "InsufficientScopes")
        self.bad_id(self.root.delete("/roles/%01"))
        name = self.unique_role()
        self.given(self.root.put(self.path(name), BODY))
        caller = self.caller("auth:delete-role:" + name)
        for _ in range(2):
            self.assertEqual(caller.delete(self.path(name)).status, 204)
        history = self.given(self.root.get("/audit/role/" + quoted(name)))["auditHistory"]
        self.assertEqual([row["actionType"] for row in history], ["created", "deleted", "deleted"])

    def test_get(self):
        self.refused(self.nobody.get("/roles/%01"), "InsufficientScopes")
        caller = self.caller("auth:get-role:a*")
        self.refused(caller.get("/roles/ab"), "ResourceNotFound", "Role not found")
        self.refused(caller.get("/roles/b"), "InsufficientScopes")

    def test_lists(self):
        self.delete_all()
        names = ["a", "a*", "a/b", "b", "z z"]
        for name in reversed(names):
            self.given(self.root.put(self.path(name), BODY))
        everything = self.given(self.root.get("/roles/"))
        self.assertEqual([role["roleId"] for role in everything], names)
        self.assertEqual(self.given(self.root.get("/roles2/")), {"roles": everything})
        self.assertEqual(self.given(self.root.get("/roleids/")), {"roleIds": names})
        for path, key in (("/roles2/", "roles"), ("/roleids/", "roleIds")):
            self.check_pages(path, key, self.given(self.root.get(path))[key])

    def check_pages(self, path, key, everything):
        for limit in (1, 2, 5, 6):
            found, token = [], ""
            while token is not None:
                page = self.given(self.root.get("%s?limit=%d%s" % (
                    path, limit, token and "&continuationToken=" + quoted(token))))
                self.assertLessEqual(len(page[key]), limit)
                found += page[key]
                token = page.get("continuationToken")
            self.assertEqual(found, everything)
        token = self.given(self.root.get(path + "?limit=1"))["continuationToken"]
        for query in ("?limit=0", "?continuationToken=" + quoted(token),
                      "?limit=0&continuationToken=" + quoted(token)):
            self.assertEqual(self.given(self.root.get(path + query)), {key: everything}, query)
        for query in ("?continuationToken=%C3%A9", "?limit=1&continuationToken=%21%21"):
            self.refused(self.root.get(path + query), "InputError", "Invalid continuationToken")
        self.refused(self.nobody.get(path + "?limit=x"), "InsufficientScopes")
        self.refused(self.root.get(path + "?limit=x"), "InvalidRequestArguments",
                     'Query-string parameter: limit="x" does not match expression: /^[0-9]+$/')

    def test_expansion(self):
        """The contract's 64 expansions."""
        vectors = schemas.read_json("auth-vectors.json")["scopeExpansion"]
        for vector in sorted(vectors, key=lambda v: str(v["roles"])):
            with self.subTest(vector=vector["name"]):
                self.hold_roles(vector["roles"])
                # A list that names one twice is refused; expansion itself would take it.
                scopes = sorted(set(vector["scopes"]))
                expanded = self.root.post("/scopes/expand", {"scopes": scopes})
                self.assertEqual(self.given(expanded)["scopes"], vector["expanded"])
                if not any(scope.endswith("**") for scope in scopes):
                    client = self.client(*scopes)["clientId"]
                    got = self.given(self.root.get("/clients/" + quoted(client)))
                    self.assertEqual(got["expandedScopes"], vector["expanded"])

    def hold_roles(self, roles):
        """Makes these the only roles; does nothing if they are."""
        if roles == getattr(self, "held", None):
            return
        self.delete_all()
        self.held = None
        for role in roles:
            self.given(self.root.put(self.path(role["roleId"]), {**BODY, "scopes": role["scopes"]}))
        self.held = roles

    def test_validity(self):
        """The contract's sets of roles, made one role after the other: the last one that completes
        an invalid set is refused."""
        for vector in schemas.read_json("auth-vectors.json")["roleSets"]:
            with self.subTest(vector=vector["name"]):
                self.delete_all()
                said = [self.root.put(self.path(role["roleId"]),
                                      {**BODY, "scopes": role["scopes"]})
                        for role in vector["roles"]]
                if vector["result"] == "ok":
                    self.assertEqual([answer.status for answer in said], [200] * len(said), said)
                    continue
                bad = [answer for answer in said if answer.status != 200]
                self.assertTrue(bad, "all were taken")
                self.refused(bad[0], "InputError")
                text, wanted = answers.text_of(bad[0]), vector["result"]["message"]
                if "cycle" in wanted:
                    self.assertEqual(self.cycle(text), self.cycle(wanted))
                else:
                    self.assertEqual(text, wanted)

    def cycle(self, text):
        """The prose before the cycle, and the cycle's steps whatever it begins with."""
        prose, _, steps = text.partition("found: ")
        steps = steps.split(" -> ")
        self.assertEqual(steps[0], steps[-1], text)
        return prose, sorted(zip(steps, steps[1:]))

    def test_scopes_methods(self):
        self.refused(self.nobody.post("/scopes/expand", {}), "InsufficientScopes",
                     "This request requires Taskcluster credentials that satisfy the following "
                     "scope expression:\n\n```\nauth:expand-scopes\n```")
        caller = self.caller("auth:expand-scopes", "auth:current-scopes")
        for body in ({"more": 1}, {"scopes": ["a", "a"]}, {"scopes": [1]}, {"scopes": ["\t"]}):
            self.refused(caller.post("/scopes/expand", body), "InputValidationError")
        self.assertEqual(self.given(caller.post("/scopes/expand", {"scopes": []})), {"scopes": []})
        self.assertEqual(self.given(caller.post("/scopes/expand", {"scopes": ["b**", "b"]})),
                         {"scopes": ["b", "b**"]})
        self.assertEqual(self.given(caller.get("/scopes/current")),
                         {"scopes": ["assume:anonymous", "auth:current-scopes",
                                     "auth:expand-scopes"]})

    def test_a_refusal_counts_the_roles_that_it_does_not_name(self):
        self.hold_roles([{"roleId": "helps-%d" % i, "scopes": ["x:needed"]} for i in range(7)])
        answer = self.caller("auth:create-client:*").put("/clients/" + quoted(self.unique()), {
            "expires": FAR, "description": "", "scopes": ["x:needed"]})
        text = answers.text_of(answer)
        self.refused(answer, "InsufficientScopes")
        self.assertRegex(text, r"\n\nRoles that grant some of what is missing: "
                               r"`helps-\d`(, `helps-\d`){4} and 2 more\.\Z")
        self.assertEqual(len(set(re.findall("`(helps-.)`", text))), 5)

    def test_anonymous(self):
        """The role of those without credentials reaches everybody, also those that restrict
        themselves to nothing."""
        self.given(self.root.put("/roles/anonymous",
                                 {**BODY, "scopes": ["auth:current-scopes", "x:y"]}))
        wanted = {"scopes": ["assume:anonymous", "auth:current-scopes", "x:y"]}
        try:
            self.assertEqual(self.given(self.nobody.get("/scopes/current")), wanted)
            caller = self.caller()
            self.assertEqual(self.given(caller.get("/scopes/current", authorized_scopes=[])),
                             wanted)
            held = self.given(self.root.get("/clients/" + quoted(caller.credentials["clientId"])))
            self.assertEqual(held["expandedScopes"], [])
        finally:
            self.assertEqual(self.root.delete("/roles/anonymous").status, 204)
        self.refused(self.nobody.get("/scopes/current"), "InsufficientScopes")


if __name__ == "__main__":
    unittest.main()
