"""`troupe api`: every method of the API, from the schema, with help where a name is wrong."""

import json
import os
import unittest
import urllib.request

from platform_under_test import SharedPlatform, read

FAR = "2999-01-01T00:00:00.000Z"
PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "api.md")


class ApiCommand(SharedPlatform):
    workers = 0

    def api(self, *args):
        return self.platform.run("api", *args)

    def refused(self, text, *args):
        """Wrong arguments: exit status 2, and an error with this text."""
        done = self.platform.run("api", *args, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        self.assertIn(text, done.stderr)

    def body(self, content):
        path = os.path.join(self.platform.dir, "body.json")
        with open(path, "w") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def test_lists_services_and_methods(self):
        services = [line.split()[0] for line in self.api().splitlines()[1:]]
        self.assertEqual(services, ["auth", "object", "queue", "troupe"])
        for service in services:
            methods = [line.split() for line in self.api(service).splitlines()[1:]]
            for name, verb, route, *_ in methods:
                self.assertIn(verb, ("GET", "POST", "PUT", "DELETE"), name)
                self.assertTrue(route.startswith("/"), name)
            self.assertGreater(len(methods), 2)

    def test_calls_methods(self):
        made = json.loads(self.api("auth", "createClient", "test/api", "--body", self.body(
            {"expires": FAR, "description": "d", "scopes": ["a:b"]})))
        self.assertEqual((made["clientId"], made["scopes"]), ("test/api", ["a:b"]))
        shown = json.loads(self.api("auth", "client", "test/api"))
        self.assertEqual(shown["description"], "d")
        self.assertNotIn("accessToken", shown)
        listed = json.loads(self.api("auth", "listClients", "--query", "prefix=test/api",
                                     "--query", "limit=1"))
        self.assertEqual([client["clientId"] for client in listed["clients"]], ["test/api"])
        self.assertEqual(self.api("auth", "deleteClient", "test/api"), "")
        done = self.platform.run("api", "auth", "client", "test/api", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Client not found", done.stderr)

    def test_calls_each_service(self):
        for line in self.api().splitlines()[1:]:
            service = line.split()[0]
            self.assertIs(json.loads(self.api(service, "ping"))["alive"], True, service)

    def test_calls_methods_of_objects(self):
        absent = self.platform.run("api", "object", "object", "a/b", check=False)
        self.assertEqual((absent.returncode, absent.stdout, absent.stderr),
                         (1, "", 'troupe: Object "a/b" not found\n'))
        upload = {"projectId": "p", "uploadId": "dSlITZ4yQgmvxxAi4A8fHQ"}
        made = json.loads(self.api("object", "createUpload", "a/b", "--body", self.body(
            {**upload, "expires": FAR, "proposedUploadMethods": {
                "dataInline": {"contentType": "text/plain", "objectData": "aGVsbG8="}}})))
        self.assertEqual(made["uploadMethod"], {"dataInline": True})
        self.assertEqual(self.api("object", "finishUpload", "a/b", "--body", self.body(upload)),
                         "")
        self.assertEqual(json.loads(self.api("object", "object", "a/b")),
                         {"projectId": "p", "expires": FAR, "hashes": {}})
        way = json.loads(self.api("object", "startDownload", "a/b", "--body", self.body(
            {"acceptDownloadMethods": {"simple": True}})))
        with urllib.request.urlopen(way["url"], timeout=120) as answer:
            self.assertEqual(answer.read(), b"hello")
        self.refused("Object supports methods getUrl, simple", "object", "startDownload", "a/b",
                     "--body", self.body({"acceptDownloadMethods": {}}))
        self.refused("download redirects, over HTTP alone: call startDownload",
                     "object", "download", "a/b")

    def test_an_answer_that_is_no_object_is_printed_as_it_is(self):
        self.assertIsInstance(json.loads(self.api("auth", "listRoles")), list)

    def test_wrong_names_have_suggestions(self):
        self.refused('no service "Auth"; did you mean auth? (troupe api lists them)', "Auth")
        self.refused('no service "zzz" (troupe api lists them)', "zzz", "client")
        self.refused('service auth has no method "listClient"; did you mean listClients? '
                     "(troupe api auth lists them)", "auth", "listClient")

    def test_wrong_arguments(self):
        self.refused("client takes 1 argument, not 0: troupe api auth client <clientId>",
                     "auth", "client")
        self.refused("client takes 1 argument, not 2", "auth", "client", "a", "b")

    def test_wrong_queries(self):
        self.refused("--query prefix: write NAME=VALUE", "auth", "listClients", "--query",
                     "prefix")
        self.refused("nope", "auth", "listClients", "--query", "nope=1")
        self.refused("limit", "auth", "listClients", "--query", "limit=x")

    def test_wrong_bodies(self):
        create = ("auth", "createClient", "test/none")
        self.refused("createClient needs --body FILE, or -", *create)
        self.refused("client takes no --body", "auth", "client", "a", "--body", self.body({}))
        self.refused("nowhere.json", *create, "--body", "nowhere.json")
        self.refused("malformed JSON at line 1", *create, "--body", self.body("{"))
        self.refused("expires: required, but missing", *create, "--body", self.body({}))
        path = self.body('{"expires": 1,\n "description": "", "nope": 2}')
        self.assertEqual(self.error(*create, "--body", path).splitlines(), [
            path + ':1:1: unknown field "nope"',
            path + ":1:13: expires: must be a date and time, not a number"])
        listed = json.loads(self.api("auth", "listClients", "--query", "prefix=test/none"))
        self.assertEqual(listed["clients"], [])

    def error(self, *args):
        """What a command with wrong arguments says."""
        done = self.platform.run("api", *args, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        return done.stderr

    def test_each_error_is_a_line(self):
        self.assertEqual(len(self.error("queue", "getTaskQueue", "a b").splitlines()), 1)
        self.assertTrue(self.error("queue", "getTaskQueue", "a b").startswith(
            "troupe: getTaskQueue: URL parameter 'taskQueueId' given as 'a b'"))
        lines = self.error("auth", "listClients", "--query", "nope=1", "--query", "limit=x")
        self.assertEqual([line.split(":")[:3] for line in lines.splitlines()],
                         [["troupe", " listClients", " Query-string parameter"]] * 2)

    def test_several_refusals_of_the_server_are_lines(self):
        task = self.body({
            "taskQueueId": "local/default", "created": "2020-01-01T00:00:00Z",
            "deadline": "2999-01-01T00:00:00Z", "payload": {},
            "extra": {"concurrency": {"key": "", "limit": 0}},
            "metadata": {"name": "n", "description": "d", "owner": "o@example.com",
                         "source": "https://example.com"}})
        lines = self.error("queue", "createTask", "dSlITZ4yQgmvxxAi4A8fHQ", "--body", task)
        self.assertGreater(len(lines.splitlines()), 1)
        for line in lines.splitlines():
            self.assertTrue(line.startswith("troupe: "), lines)

    def test_the_page_of_docs_is_what_it_prints(self):
        self.assertEqual(self.api("--markdown"), read(PAGE))


if __name__ == "__main__":
    unittest.main()
