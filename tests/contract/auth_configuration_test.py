"""What operators decide about auth between two starts: static clients, private deployments, keys,
secrets. Source: spec/auth.md, sections 3, 4 and 13; ../docs/operations.md, "Rotating keys"."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import subprocess
import time
import unittest

import kept_logs
from contract import FAR, Server, quoted
from platform_under_test import BINARY, read, wait_until


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def new_token():
    token = secrets.token_urlsafe(33)
    kept_logs.plant(token)
    return token


class Configuration(unittest.TestCase):
    def make_server(self, **how):
        self.server = Server(**how)
        self.addCleanup(self.server.__exit__)
        return self.server

    def path(self, name):
        return os.path.join(self.server.dir, name)

    def write(self, name, content):
        with open(self.path(name), "w") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))

    def start(self):
        self.server.start()
        self.root = self.server.caller(self.server.credentials())

    def restart(self):
        self.assertEqual(self.server.stop(), 0, self.server.log())
        self.start()

    def scopes_of(self, client_id, token):
        """Without those of everybody; None if the client is not let in."""
        answer = self.server.caller({"clientId": client_id, "accessToken": token}).get(
            "/clients/" + quoted(client_id))
        return None if answer.status == 401 else answer.json["scopes"]


class StaticClients(Configuration):
    def setUp(self):
        server = self.make_server()
        server.environment["TROUPE_AUTH_STATIC_CLIENTS"] = self.path("static.json")

    def configure(self, *clients):
        """Each is its name, its token and its scopes."""
        self.write("static.json", {"clients": [
            {"clientId": name, "accessToken": token, "description": "of " + name,
             "scopes": list(scopes)} for name, token, *scopes in clients]})

    def test_a_start_makes_them_what_the_file_says(self):
        first, second, changed = new_token(), new_token(), new_token()
        self.configure(("static/a", first, "a:1"), ("static/b", second, "b:1"))
        self.start()
        self.assertEqual(self.scopes_of("static/a", first), ["a:1"])
        self.assertEqual(self.scopes_of("static/b", second), ["b:1"])
        before = self.root.get("/clients/static%2Fb").json

        self.configure(("static/a", changed, "a:1", "a:2"), ("static/b", second, "b:1"))
        self.restart()
        self.assertIsNone(self.scopes_of("static/a", first))
        self.assertEqual(self.scopes_of("static/a", changed), ["a:1", "a:2"])
        self.assertEqual(self.scopes_of("static/b", second), ["b:1"])
        self.assertEqual(self.root.get("/clients/static%2Fb").json["lastModified"],
                         before["lastModified"])

        self.configure(("static/b", second, "b:1"))
        self.restart()
        self.assertIsNone(self.scopes_of("static/a", changed))
        self.assertEqual(self.root.get("/clients/static%2Fa").status, 404)
        self.assertEqual(self.scopes_of("static/b", second), ["b:1"])

    def test_no_method_changes_them(self):
        self.configure(("static/a", new_token(), "a:1"))
        self.start()
        body = {"expires": FAR, "description": "d", "scopes": []}
        for answer in (self.root.post("/clients/static%2Fa", body),
                       self.root.delete("/clients/static%2Fa"),
                       self.root.post("/clients/static%2Fa/disable"),
                       self.root.post("/clients/static%2Fa/reset")):
            self.assertEqual((answer.status, answer.json["code"]), (400, "InputError"), answer)

    def test_a_file_that_is_wrong_stops_the_start_and_shows_no_token(self):
        token = new_token()
        self.configure(("static/a", token), ("static/a", token), ("mine", token))
        with self.assertRaises(AssertionError) as refused:
            self.start()
        text = str(refused.exception)
        for part in ("static.json", "clients[1].clientId: static/a is there already",
                     "clients[2].clientId"):
            self.assertIn(part, text)
        self.assertNotIn(token, text)

    def test_a_token_with_a_slip_in_it_is_not_shown_either(self):
        token = new_token() + "!"
        self.configure(("static/a", token))
        with self.assertRaises(AssertionError) as refused:
            self.start()
        self.assertIn("clients[0].accessToken: must be a token", str(refused.exception))
        self.assertNotIn(token[:-1], str(refused.exception))


    def test_scopes_that_no_client_may_have_stop_the_start(self):
        self.configure(("static/a", new_token(), "a*", "b:**"),
                       ("static/b", new_token(), *map(str, range(10_001))))
        checked = self.server.run("config", "check", check=False)
        with self.assertRaises(AssertionError) as refused:
            self.start()
        for text in (checked.stderr, str(refused.exception)):
            self.assertIn("clients[0].scopes[1]: scopes must not end with `**`", text)
            self.assertIn("clients[1].scopes: at most 10000 scopes, not 10001", text)
        self.assertEqual((checked.returncode, self.server.server.wait(120)), (2, 2))

    def test_scopes_may_have_stars_elsewhere(self):
        token = new_token()
        self.configure(("static/a", token, "**b", "a*"))
        self.start()
        self.assertEqual(self.scopes_of("static/a", token), ["**b", "a*"])


class Everybody(Configuration):
    def everybody(self):
        return self.root.get("/roles/anonymous").json["scopes"]

    def test_a_private_deployment_lets_everybody_do_next_to_nothing(self):
        self.make_server(flags=("--private",))
        self.start()
        self.assertEqual(self.everybody(), ["queue:status:*"])

    def started(self, *flags):
        """What a later start says of everybody's scopes, and the command that it names."""
        if self.server.server:
            self.assertEqual(self.server.stop(), 0, self.server.log())
        before = len(read(self.path("server.log")))
        self.server.later_flags = flags
        self.start()
        lines = [json.loads(line) for line in read(self.path("server.log"))[before:].splitlines()
                 if "private_but_readable" in line]
        return [(line["level"], line["to_change"]) for line in lines]

    def test_private_on_what_was_public_says_what_it_leaves(self):
        self.make_server()
        self.assertEqual(self.started(), [])
        [(level, command)] = self.started("--private")
        self.assertEqual(level, "warning")
        self.assertIn("auth:list-clients", self.everybody())
        role = {"description": "", "scopes": ["queue:status:*", "queue:get-artifact:public/*"]}
        self.assertEqual(self.root.post("/roles/anonymous", role).status, 200)
        [(level, _)] = self.started()
        self.assertEqual(level, "info")
        done = subprocess.run(command.replace("| troupe", "| " + BINARY), shell=True, timeout=120,
                              capture_output=True, text=True, env=self.server.environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.everybody(), ["queue:status:*"])
        self.assertEqual(self.started(), [])

    def test_a_role_that_was_taken_away_stays_away(self):
        self.make_server()
        self.start()
        self.assertIn("auth:list-clients", self.everybody())
        self.assertEqual(self.root.delete("/roles/anonymous").status, 204)
        self.restart()
        self.assertEqual(self.root.get("/roles/anonymous").status, 404)
        self.assertEqual(self.server.caller().get("/clients/").status, 403)


class Keys(Configuration):
    def keys(self):
        with open(os.path.join(self.server.data, "keys.json")) as file:
            return json.load(file)

    def set_keys(self, keys):
        kept_logs.plant(*(key["key"] for key in keys["keys"]))
        with open(os.path.join(self.server.data, "keys.json"), "w") as file:
            json.dump(keys, file)

    def test_tokens_outlive_the_key_they_were_sealed_with(self):
        self.make_server()
        self.start()
        made = {}
        for name in ("rotation/a", "rotation/b"):
            body = {"expires": FAR, "description": "", "scopes": [name]}
            made[name] = self.root.put("/clients/" + quoted(name), body).json["accessToken"]
        fresh = {"id": "fresh", "key": base64.b64encode(secrets.token_bytes(32)).decode()}
        self.set_keys({"current": "fresh", "keys": [*self.keys()["keys"], fresh]})
        self.restart()
        wait_until(lambda: "tokens_resealed" in self.server.log(), "the tokens to be sealed anew")
        self.set_keys({"current": "fresh", "keys": [fresh]})
        self.restart()
        for name, token in made.items():
            self.assertEqual(self.scopes_of(name, token), [name])
        self.assertNotIn("token_unreadable", self.server.log())

    def test_a_token_whose_key_is_gone_is_a_wrong_one(self):
        self.make_server()
        self.start()
        body = {"expires": FAR, "description": "", "scopes": []}
        token = self.root.put("/clients/rotation%2Fa", body).json["accessToken"]
        other = {"id": "other", "key": base64.b64encode(secrets.token_bytes(32)).decode()}
        self.set_keys({"keys": [other]})
        self.restart()
        self.assertIsNone(self.scopes_of("rotation/a", token))
        self.assertEqual(self.root.get("/clients/rotation%2Fa").status, 200)
        self.assertIn("token_unreadable", self.server.log())


class Tunnels(Configuration):
    def test_a_token_is_signed_with_the_configured_secret(self):
        secret = new_token()
        server = self.make_server()
        server.environment["TROUPE_AUTH_WEBSOCKTUNNEL_SECRET"] = self.path("tunnel")
        self.write("tunnel", secret + "\n")
        self.start()
        begin = int(time.time())
        answer = self.root.get("/websocktunnel/tunnels/worker1").json
        self.assertEqual((answer["wstAudience"], answer["wstClient"]),
                         ("tunnels", "worker1"))
        signed, _, signature = answer["token"].rpartition(".")
        mac = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
        self.assertEqual(from_base64url(signature), mac)
        header, claims = (json.loads(from_base64url(part)) for part in signed.split("."))
        self.assertEqual(header, {"alg": "HS256", "typ": "JWT"})
        issued = claims["iat"]
        self.assertTrue(begin <= issued <= time.time())
        self.assertEqual(claims, {
            "tid": "worker1", "aud": "tunnels", "sub": "static/troupe/root",
            "iat": issued, "nbf": issued - 900, "exp": issued + 96 * 3600,
            "iss": "taskcluster-auth"})
        expires = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(claims["exp"]))
        self.assertEqual(answer["expires"], expires)

    def test_there_is_none_without_a_secret(self):
        self.make_server()
        self.start()
        answer = self.root.get("/websocktunnel/tunnels/worker1")
        self.assertEqual((answer.status, answer.json["code"]), (500, "InternalServerError"))


if __name__ == "__main__":
    unittest.main()
