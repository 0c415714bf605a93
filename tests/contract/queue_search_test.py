"""Troupe's search over tasks: over HTTP, RPC and the command line. Source: schema/api/troupe.capnp,
Troupe.listTasks; docs/queue.md."""

import json
import unittest

import rpc
from contract import quoted
from queue_support import (TROUPE, QueueTest, in_hours, in_seconds, rpc_definition,
                           slugid)

LOOKED_AT_MAX = 2000  # tasks a call, apps/troupe/server/task_search.h


class Search(QueueTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.group, cls.tasks = slugid(), {}
        for name, changes in {
                "Build Linux": {"tags": {"kind": "build", "os": "linux"}, "projectId": "one"},
                "build mac": {"tags": {"kind": "build"}, "created": in_seconds(-600)},
                "Test": {"tags": {"kind": "test"}, "taskGroupId": cls.group},
                "deploy": {"taskQueueId": "proj-other/w", "taskGroupId": cls.group,
                           "priority": "very-high"},
        }.items():
            cls.tasks[name] = task = slugid()
            body = {"taskQueueId": "proj-test/none", "created": in_hours(0),
                    "deadline": in_hours(1), "payload": {},
                    "metadata": {"name": name, "description": "d",
                                 "owner": name.split()[0] + "@Example.com",
                                 "source": "https://example.com/" + name.split()[-1]}, **changes}
            answer = cls.root.put("/task/" + task, body, api="/api/queue/v1")
            if answer.status != 200:
                raise AssertionError(answer)
        cls.root.post("/task/%s/cancel" % cls.tasks["Test"], api="/api/queue/v1")

    def search(self, **query):
        text = "&".join("%s=%s" % (key, quoted(value)) for key, value in query.items())
        return self.events_caller.get("/tasks?" + text, api=TROUPE)

    def names(self, **query):
        page = self.given(self.search(**query))
        self.assertNotIn("continuationToken", page)
        return [one["task"]["metadata"]["name"] for one in page["tasks"]]

    def test_filters(self):
        every = ["deploy", "Test", "build mac", "Build Linux"]
        for query, found in (
                ({}, every),
                ({"name": "build"}, ["build mac", "Build Linux"]),
                ({"name": "BUILD LIN"}, ["Build Linux"]),
                ({"owner": "test@example"}, ["Test"]),
                ({"source": "example.com/MAC"}, ["build mac"]),
                ({"source": "example.com"}, every),
                ({"tag": "kind"}, ["Test", "build mac", "Build Linux"]),
                ({"tag": "kind=build"}, ["build mac", "Build Linux"]),
                ({"tag": "kind=buil"}, []),
                ({"tag": "kind="}, []),
                ({"projectId": "one"}, ["Build Linux"]),
                ({"taskGroupId": self.group}, ["deploy", "Test"]),
                ({"taskQueueId": "proj-other/w"}, ["deploy"]),
                ({"state": "exception"}, ["Test"]),
                ({"priority": "very-high"}, ["deploy"]),
                ({"priority": "lowest", "projectId": "one"}, ["Build Linux"]),
                ({"state": "pending", "tag": "kind=build", "name": "linux"}, ["Build Linux"]),
                ({"createdBefore": in_seconds(-300)}, ["build mac"]),
                ({"createdAfter": in_seconds(-300)}, ["deploy", "Test", "Build Linux"]),
                ({"createdAfter": in_hours(1).replace("Z", "+00:00")}, []),
                ({"createdAfter": in_seconds(-3600), "createdBefore": in_seconds(-300)},
                 ["build mac"])):
            with self.subTest(query=query):
                self.assertEqual(self.names(**query), found)

    def test_refusals(self):
        for query in ({"state": "done"}, {"createdAfter": "yesterday"}, {"createdBefore": "1"},
                      {"tag": "=x"}, {"priority": "urgent"}, {"limit": "x"}, {"unknown": "x"},
                      {"continuationToken": "%"}):
            with self.subTest(query=query):
                answer = self.search(**query)
                self.assertEqual(answer.status, 400, answer)
        # What is asked for is named.
        refused = self.search(continuationToken="%")
        self.assertEqual(refused.json["code"], "InputError")
        self.assertIn("continuationToken", refused.json["message"])
        self.assertIn("createdAfter", self.search(createdAfter="yesterday").json["message"])
        nobody = self.events_caller.called(self.client("some:scope"))
        self.refused(nobody.get("/tasks", api=TROUPE), "InsufficientScopes")

    def test_pages(self):
        found, query = [], {"tag": "kind", "limit": "1"}
        while True:
            page = self.given(self.search(**query))
            found += [one["status"]["taskId"] for one in page["tasks"]]
            if "continuationToken" not in page:
                break
            query["continuationToken"] = page["continuationToken"]
        self.assertEqual(found, [self.tasks[name] for name in ("Test", "build mac",
                                                               "Build Linux")])
        self.assertEqual(self.given(self.search(limit="0")), {"tasks": []})

    def test_command(self):
        def listed(*flags):
            page = json.loads(self.server.run("task", "list", "--json", *flags))
            return [one["task"]["metadata"]["name"] for one in page["tasks"]]

        self.assertEqual(listed("--name", "build"), ["build mac", "Build Linux"])
        self.assertEqual(listed("--owner", "test@", "--source", "test"), ["Test"])
        self.assertEqual(listed("--tag", "os=linux", "--project", "one"), ["Build Linux"])
        self.assertEqual(listed("--group", self.group[:8], "--state", "pending"), ["deploy"])
        self.assertEqual(listed("--since", "15m", "--until", "5m"), ["build mac"])
        self.assertEqual(listed("--until", in_seconds(-300)), ["build mac"])
        said = self.server.run("task", "list", "--since", "soon", check=False)
        self.assertEqual(said.returncode, 2, said)
        self.assertIn("--since", said.stderr)


class ManyTasks(QueueTest):
    def test_a_call_looks_at_so_many(self):
        """A search that finds nothing answers soon, and says where to go on."""
        oldest = self.create(tags={"old": "one"})
        rpc.run(self.make(LOOKED_AT_MAX))
        page = self.given(self.events_caller.get("/tasks?tag=old", api=TROUPE))
        self.assertEqual(page["tasks"], [])
        rest = self.given(self.events_caller.get(
            "/tasks?tag=old&continuationToken=" + quoted(page["continuationToken"]), api=TROUPE))
        self.assertEqual([one["status"]["taskId"] for one in rest["tasks"]], [oldest])
        self.assertNotIn("continuationToken", rest)
        found = json.loads(self.server.run("task", "list", "--json", "--tag", "old"))["tasks"]
        self.assertEqual([one["status"]["taskId"] for one in found], [oldest])

    async def make(self, count):
        connection = await rpc.Connection.dial(self.server.rpc_port())
        troupe = await connection.troupe(self.root.credentials)
        task = rpc_definition(self.queue)
        for _ in range(count // 100):
            await rpc.call(troupe.createTasks(
                tasks=[{"taskId": slugid(), "task": task} for _ in range(100)]))


if __name__ == "__main__":
    unittest.main()
