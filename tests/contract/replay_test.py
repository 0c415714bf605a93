"""The recorded calls of a service, said again to this server, get the recorded answers; so do those
of real workers and clients, and the messages that calls cause are the recorded ones."""

import json
import os
import re
import unittest
import urllib.parse

import recording
import schemas
from contract import ContractTest, Server
from platform_under_test import Timeout, wait_until
from worlds import AuthWorld, QueueWorld, TrafficWorld

# Where this server answers otherwise on purpose: (recording, line, place), and the mark of the
# specification, or the sentence, that allows it. One that no longer shows fails, too.
ENDED = "build: also reject when the last run is terminal. Source: spec/queue.md 6"
CASCADE = "a dependent becomes pending in the same cascade in which its last dependency resolves"
WITHOUT_PRIORITY = "build: send the real values. Source: spec/queue.md 5.3, [Q]"
# So their lengths are known, whoever announced none. `contentLength?` (absent if unknown). Source:
# spec/queue.md 9.7.
KEPT_HERE = "the `s3` and `object` types served by Troupe's own blob store"
DELIBERATE = {
    # The reference was asked before it had noted that the task had ended.
    ("queue", 73, "status"): ENDED,
    **{("queue", 75, "/" + name): ENDED for name in ("tasksAffected", "taskIds")},
    **{("queue", line, "/status/priority"): ENDED for line in (76, 77)},
    ("queue", "Dz123WdVS5ueTXMF5BwckA", ""): ENDED,
    ("queue", "JmFTLEbTTfSwG2mg4wSQBA", "/0/3/tasksAffected"): ENDED,
    # Its dependency had ended before the priority of the group changed.
    ("queue", "ZSUIup8STFunoZddv5Yn9w", "/1/3/status/priority"): CASCADE,
    **{("queue", task, "/2/3/status/priority"): WITHOUT_PRIORITY
       for task in ("ZSUIup8STFunoZddv5Yn9w", "TW-Cgri3SGOnF6IUMPTtug")},
    **{("scriptworker-and-shell", 15, "/artifacts/%d/contentLength" % i): KEPT_HERE
       for i in range(3)},
}

# Texts of errors that the specification leaves free, by code. Source: spec/api-framework.md 6, 7.
FREE_TEXTS = [
    ("InputValidationError", re.compile(r"")),
    ("MalformedPayload", re.compile(r"^Failed to parse JSON: (?!Must be)")),
    ("InternalServerError", re.compile(r"")),
]
# Of the queue's own errors the text is free: "Clients act on status and code, never on message
# text." Source: spec/queue.md 0.1. Those of the framework are not.
FRAMEWORK_CODES = {"InsufficientScopes", "AuthenticationFailed", "InvalidRequestArguments"}

SIGNED_URLS = ("https://s3.example.com/",)
EVENTS = "/api/troupe/v1/events?limit=1000&after="
QUEUE_EXCHANGES = "exchange/taskcluster-queue/v1/"


def is_exact(code, text):
    return not any(code == free and pattern.search(text) for free, pattern in FREE_TEXTS)


def is_exact_of_queue(code, text):
    return code in FRAMEWORK_CODES and is_exact(code, text)


class Replay(ContractTest):
    """Each recording has a server of its own."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        """Servers are started by the tests."""

    def start(self, anonymous=()):
        """A server whose empty claims are answered soon. `anonymous`: scopes of everybody."""
        self.__class__.made = 0
        self.server = Server(workers=0, TROUPE_QUEUE_CLAIM_WORK_TIMEOUT="1s")
        self.addCleanup(self.server.__exit__)
        self.server.start()
        self.root = self.server.caller(self.server.credentials())
        self.nobody = self.server.caller()
        self.given(self.root.delete("/roles/anonymous"), 204)
        if anonymous:
            self.given(self.root.put("/roles/anonymous",
                                     {"description": "", "scopes": list(anonymous)}))

    def client(self, *scopes, name=None, **changes):
        body = {"expires": "2999-01-01T00:00:00.000Z", "description": "", "scopes": list(scopes)}
        token = self.given(self.root.put("/clients/" + urllib.parse.quote(name, safe=""), body))
        return {"clientId": name, "accessToken": token["accessToken"]}

    def replay(self, name, lines, make_world, exact):
        """`name` is the recording's in DELIBERATE."""
        world = make_world(self, lines)
        urls = {"https://tc.example.com": self.server.root_url,
                SIGNED_URLS[0]: self.server.root_url + "/blobs/"}
        mapping = recording.Mapping(lines, world.names, urls, world.GIVEN_TIMES, world.MADE_BESIDE,
                                    world.SPARE_SECONDS)
        comparison = recording.Comparison(mapping, exact, SIGNED_URLS)
        self.seen = set()
        for line in lines:
            with self.subTest(recording=name, line=line):
                self.check(name, line.number, self.say(line, world, mapping, comparison))
        return mapping, comparison

    def check(self, name, number, differences):
        """Each is deliberate."""
        unexpected = []
        for difference in differences:
            key = (name, number, difference.split(":")[0])
            self.seen.add(key)
            if key not in DELIBERATE:
                unexpected.append(difference)
        self.assertEqual(unexpected, [], "%s %s" % (name, number))

    def check_stale(self, name):
        stale = {key for key in DELIBERATE if key[0] == name} - self.seen
        self.assertEqual(stale, set(), "these differences no longer show")

    def say(self, line, world, mapping, comparison):
        """The differences between the recorded and the present answer. What is read may have been
        recorded long after what caused it: it is asked for until it is as recorded."""
        world.prepare(line, mapping)
        found = []

        def asked():
            found[:] = self.say_once(line, world, mapping, comparison)
            return line.method != "GET" or not found

        try:
            wait_until(asked, "the answer to be as it was recorded")
        except Timeout:
            pass  # The differences tell.
        return found

    def say_once(self, line, world, mapping, comparison):
        caller = world.caller(line.caller)
        if line.is_badly_signed():
            wrong = {**caller.credentials, "accessToken": "x" * 44}
            caller = caller.called(wrong)
        path, query = line.path.partition("?")[::2]
        path = mapping.path(path) + ("?" + query if query and "bewit=" not in query else "")
        if "bewit=" in query:
            path = world.signed(path)
        answer = caller.call(line.method, path, api="", body=mapping.to_send(line.body))
        if answer.status == line.status:
            world.learn(line, answer, mapping)
        times = dict(mapping.made_times)
        found = comparison.answer(line, answer)
        if found:
            mapping.made_times = times
        elif line.number in getattr(self, "uploading", ()):
            self.upload(answer, line.body)
        return found

    def upload(self, answer, artifact):
        """Sends bytes to where an answer tells to."""
        if "putUrl" not in answer.json:
            return
        url = urllib.parse.urlsplit(answer.json["putUrl"])
        raw = b"x" * artifact.get("contentLength", 5)
        sent = self.server.caller(check=None).call(
            "PUT", url.path + "?" + url.query, api="", raw=raw,
            content_type=answer.json["contentType"])
        self.assertIn(sent.status, (200, 201, 204), sent)

    def test_auth(self):
        self.start()
        path = os.path.join(schemas.contract_dir(), "recordings", "calls", "auth.jsonl")
        self.replay("auth", recording.read(path), AuthWorld, is_exact)
        self.check_stale("auth")

    def test_queue(self):
        self.start()
        path = os.path.join(schemas.contract_dir(), "recordings", "calls", "queue.jsonl")
        lines = recording.read(path)
        _, comparison = self.replay("queue", lines, QueueWorld, is_exact_of_queue)
        self.compare_messages(lines, comparison)
        self.check_stale("queue")

    def test_generic_worker(self):
        self.traffic("generic-worker", anonymous=["queue:get-artifact:public/*"])

    def test_scriptworker_and_shell(self):
        self.traffic("scriptworker-and-shell")

    def traffic(self, name, **how):
        self.start(**how)
        path = os.path.join(schemas.contract_dir(), "recordings", "clients", name + ".jsonl")
        lines = [line for line in recording.read_traffic(path, "/api/queue/")
                 if not TrafficWorld.SKIPPED.search(line.path)]
        self.uploading = {line.number for line in lines}
        self.replay(name, lines, TrafficWorld, is_exact_of_queue)
        self.check_stale(name)

    def compare_messages(self, lines, comparison):
        """The messages about each task and each group, in their order."""
        known = set(recording.SLUGID.findall(json.dumps([line.response for line in lines])))
        path = os.path.join(schemas.contract_dir(), "recordings", "events.jsonl")
        with open(path) as file:
            said = [json.loads(text) for text in file]
        recorded = self.by_subject(said, known, lambda one: one["headers"]["CC"])
        found = {}

        def complete():
            found.update(self.by_subject(self.messages(), known, lambda one: one["cc"]))
            return all(len(found.get(s, [])) >= len(one) for s, one in recorded.items())

        try:
            wait_until(complete, "all messages")
        except Timeout:
            pass  # The differences tell.
        for subject in sorted(set(recorded) | set(found)):
            with self.subTest(messages_about=subject):
                self.check("queue", subject, comparison.value(
                    "", recorded.get(subject, []), found.get(subject, [])))

    @staticmethod
    def by_subject(messages, known, copies):
        """Of the queue's about known tasks and groups: lists of [exchange, key, CC, payload].
        task-group-resolved may come again and again, which counts once (spec/events.md 3)."""
        subjects = {}
        for one in messages:
            if not one["exchange"].startswith(QUEUE_EXCHANGES):
                continue
            subject = one["routingKey"].split(".")[1]
            said = [one["exchange"], one["routingKey"], copies(one), one["payload"]]
            before = subjects.setdefault(subject, [])
            if subject in known and not (
                    before and before[-1] == said and said[0].endswith("task-group-resolved")):
                before.append(said)
        return {subject: said for subject, said in subjects.items() if said}

    def messages(self):
        found, after = [], ""
        while True:
            page = self.given(self.server.caller(self.server.credentials()).get(
                EVENTS + urllib.parse.quote(after, safe=""), api=""))
            if not page["events"]:
                return found
            found += page["events"]
            after = page["next"]


if __name__ == "__main__":
    unittest.main()
