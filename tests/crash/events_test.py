"""The event log as those read it who follow it: long polls and WebSockets over HTTP, and streams
over RPC, filtered, from any position, with credentials that may be taken away."""

import json
import threading
import unittest
import urllib.parse

from event_readers import Caller, EventSocket, Refused, masked, root_credentials
from platform_under_test import Platform, SharedPlatform, wait_until

PENDING = "exchange/taskcluster-queue/v1/task-pending"
DEFINED = "exchange/taskcluster-queue/v1/task-defined"


def submit(platform, *flags):
    return platform.run("submit", "--queue", "local/nobody", "--detach", *flags, "--",
                        "true").split()[-1]


def kinds(events):
    return [event["exchange"].rsplit("/", 1)[1] for event in events]


class Readers(SharedPlatform):
    workers = 0

    def setUp(self):
        self.caller = Caller(self.platform)  # everybody may read

    def test_long_poll(self):
        status, now = self.caller.events(after="now")
        self.assertEqual((status, now["events"]), (200, []))
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(Caller(self.platform).events(
            after=now["next"], wait=60, exchange=PENDING)))
        waiting.start()
        task = submit(self.platform)
        waiting.join(60)
        status, page = answers[0]
        self.assertEqual(status, 200)
        self.assertEqual(kinds(page["events"]), ["task-pending"])
        self.assertEqual(page["events"][0]["payload"]["status"]["taskId"], task)
        self.assertEqual(self.caller.events(after=page["next"], wait=0)[1]["events"], [])

    def test_pages_of_none(self):
        submit(self.platform)
        first = self.caller.events(limit=1)[1]["next"]
        for after in ("now", first):
            # It would wait until the connection gives up.
            status, page = self.caller.events(after=after, limit=0, wait=60)
            self.assertEqual((status, page["events"]), (200, []))
        self.assertEqual(page["next"], first)
        begin = self.caller.events(limit=0)[1]["next"]
        self.assertEqual(self.caller.events(after=begin, limit=1)[1]["next"], first)
        with self.assertRaises(Refused) as refused:
            EventSocket(self.platform, after="now", limit=0)
        self.assertEqual(refused.exception.body["code"], "InputError")
        self.assertIn("limit", refused.exception.body["message"])

    def test_filters(self):
        now = self.caller.events(after="now")[1]["next"]
        task = submit(self.platform)
        for pattern, wanted in [("primary.%s.#" % task, ["task-defined", "task-pending"]),
                                ("primary.%s.*.*.*.*.*.*.*.*" % task,
                                 ["task-defined", "task-pending"]),
                                ("primary.%s.0.#" % task, ["task-pending"]),
                                ("primary.%s.*" % task, []), ("#", ["task-defined",
                                                                    "task-pending"]),
                                ("route.#", [])]:
            with self.subTest(pattern):
                page = self.caller.events(after=now, routingKey=pattern)[1]
                self.assertEqual(kinds(page["events"]), wanted)
        self.assertEqual(self.caller.events(after=now, routingKey="a" * 256)[0], 400)

    def test_slips_in_exchanges(self):
        """What no entry ever has is refused: who follows it would wait in silence."""
        prefix = PENDING.rsplit("/", 1)[0]
        for slip, said in (("task-pending", PENDING), (PENDING.replace("v1", "v2"), PENDING),
                           (prefix + "/nonesuch", DEFINED), ("exchange", DEFINED)):
            with self.subTest(slip):
                status, body = self.caller.events(exchange=slip)
                self.assertEqual((status, body["code"]), (400, "InputError"))
                self.assertIn(said, body["message"])
                with self.assertRaises(Refused) as refused:
                    EventSocket(self.platform, after="now", exchange=slip)
                self.assertEqual(refused.exception.body["code"], "InputError")
                # Over RPC.
                told = self.platform.run("api", "troupe", "events", "--query",
                                         "exchange=" + slip, check=False)
                self.assertNotEqual(told.returncode, 0)
                self.assertIn(said, told.stderr)
        submit(self.platform)
        for pattern, some in ((PENDING, True), ("*", True), ("#", True), ("", True),
                              ("*.*", False)):
            with self.subTest(pattern):
                status, page = self.caller.events(exchange=pattern)
                self.assertEqual((status, page["events"] != []), (200, some))

    def test_positions_of_others(self):
        submit(self.platform)
        next_ = self.caller.events(limit=1)[1]["next"]
        form, log, number = next_.rsplit("-", 2)
        for other in ["%s-%s-%s" % (form, "0" * len(log), number),
                      "%s-%s-%d" % (form, log, int(number) + 10 ** 6)]:
            status, body = self.caller.events(after=other)
            self.assertEqual((status, body["code"]), (410, "ResourceExpired"))
            self.assertEqual(self.caller.events(after=body["oldest"])[0], 200)
            with self.assertRaises(Refused) as refused:
                EventSocket(self.platform, after=other)
            self.assertEqual(refused.exception.status, 410)
            self.assertEqual(refused.exception.body["oldest"], body["oldest"])
        self.assertEqual(self.caller.events(after="nonsense")[0], 400)

    def test_web_socket(self):
        for credentials, by_bewit in [(None, False), (root_credentials(self.platform), False),
                                      (root_credentials(self.platform), True)]:
            stream = EventSocket(self.platform, credentials, by_bewit, after="now",
                                 exchange=DEFINED)
            tasks = [submit(self.platform) for _ in range(3)]
            events = stream.events_until(lambda events: len(events) == 3)
            self.assertEqual([e["payload"]["status"]["taskId"] for e in events], tasks)
            stream.send(9, b"are you there")
            self.assertEqual(stream.frame(), (10, b"are you there"))
            rest = EventSocket(self.platform, after=events[0]["position"], exchange=DEFINED)
            self.assertEqual(rest.batch()["events"], events[1:])
            stream.send(8, b"\x03\xe8")
            self.assertEqual(stream.frame()[0], 8)
            self.assertEqual(stream.file.read(), b"")
            stream.close()
            rest.close()

    def test_what_peers_of_a_web_socket_say(self):
        """Pings are answered, even one that came with the request; the rest is dropped, as long as
        it is well formed and of some size."""
        stream = EventSocket(self.platform, early=masked(9, b"early"), after="now",
                             exchange=DEFINED)
        self.assertEqual(stream.frame(), (10, b"early"))
        stream.send(1, b"what nobody reads")
        stream.send(2, b"x" * 60_000)
        stream.send(9, b"late")
        self.assertEqual(stream.frame(), (10, b"late"))
        task = submit(self.platform)
        self.assertEqual(stream.batch()["events"][0]["payload"]["status"]["taskId"], task)
        stream.close()
        for wrong in [masked(15, b""), b"\x82\xff" + b"\x00\x00\x00\x7f" * 3]:
            with self.subTest(wrong):
                stream = EventSocket(self.platform, early=wrong, after="now", exchange=DEFINED)
                stream.socket.settimeout(120)
                try:
                    stream.file.read()  # to the end, whatever the server says before
                except ConnectionError:
                    pass
                stream.close()
        self.assertEqual(self.caller.events(after="now")[0], 200)

    def test_what_is_no_web_socket(self):
        status, body = self.caller.call("GET", "/api/troupe/v1/event-stream")
        self.assertEqual((status, body["code"]), (400, "InputError"))
        bad = dict(root_credentials(self.platform), accessToken="wrong")
        with self.assertRaises(Refused) as refused:
            EventSocket(self.platform, bad)
        self.assertEqual(refused.exception.status, 401)

    def test_credentials_that_are_taken_away(self):
        self.platform.run("api", "auth", "createClient", "reader", "--body", self.file({
            "description": "", "expires": "2099-01-01T00:00:00Z", "scopes": ["troupe:events"]}))
        made = json.loads(self.platform.run("api", "auth", "resetAccessToken", "reader"))
        streams = [EventSocket(self.platform, made, by_bewit, after="now")
                   for by_bewit in (False, True)]
        submit(self.platform)
        for stream in streams:
            stream.events_until(lambda events: len(events) == 2)
        self.platform.run("api", "auth", "disableClient", "reader")
        for stream in streams:
            self.assertEqual(stream.batch()["closed"], 4401)
            stream.close()

    def file(self, body):
        return self.platform.group_file(json.dumps(body))

    def test_stream_over_rpc(self):
        task = submit(self.platform)
        follower = self.platform.client("--json", "events", "-f", "--routing-key",
                                        "primary.%s.#" % task)
        wait_until(lambda: follower.stdout().count("\n") == 2, "what has been")
        self.platform.run("task", "cancel", task)
        # Its group has its name.
        wanted = ["task-defined", "task-pending", "task-exception", "task-group-resolved"]
        wait_until(lambda: follower.stdout().count("\n") >= len(wanted), "what comes")
        events = [json.loads(line) for line in follower.stdout().splitlines()]
        self.assertEqual(kinds(events), wanted)


class Ends(unittest.TestCase):
    def test_a_server_that_stops_waits_for_no_reader(self):
        with Platform(workers=0) as platform:
            streams = [EventSocket(platform, after="now") for _ in range(3)]
            poll = Caller(platform)
            poll.connection.request("GET", "/api/troupe/v1/events?after=now&wait=60")
            follower = platform.client("--json", "events", "-f")
            submit(platform)
            for stream in streams:
                stream.events_until(lambda events: len(events) == 2)
            wait_until(lambda: follower.stdout().count("\n") >= 2, "the events")
            self.assertEqual(platform.stop(), 0)
            for stream in streams:
                stream.file.read()
                stream.close()


class Retention(unittest.TestCase):
    def test_what_is_over_the_size_goes_and_readers_are_told(self):
        with Platform(workers=0, TROUPE_EVENTS_RETENTION_BYTES="1MiB") as platform:
            caller = Caller(platform, root_credentials(platform))
            tags = {"tag%d" % i: "x" * 4000 for i in range(16)}
            for _ in range(12):  # two events each, of about 64 KiB
                self.assertEqual(caller.create_task(tags=tags)[0], 200)
            first = caller.events(limit=1)[1]["next"]
            self.assertEqual(caller.events(after=first)[0], 200)
            platform.kill()
            platform.start()  # the log is looked at, and cut
            wait_until(lambda: caller.renewed(platform).events(after=first)[0] == 410,
                       "the oldest to be deleted")
            body = caller.events(after=first)[1]
            kept = caller.events(after=body["oldest"])[1]["events"]
            self.assertGreaterEqual(len(kept), 12)
            self.assertLessEqual(len(kept), 18)
            with self.assertRaises(Refused):
                EventSocket(platform, after=first)
            told = platform.run("events", "-f", "--after", first, check=False)
            self.assertNotEqual(told.returncode, 0)
            self.assertIn(body["oldest"], told.stderr)

    def test_a_follower_misses_nothing_when_the_server_is_killed(self):
        with Platform(workers=0) as platform:
            for _ in range(4):
                submit(platform)
            follower = platform.client("--json", "events", "-f")
            wait_until(lambda: follower.stdout().count("\n") >= 8, "the events")
            platform.kill()
            platform.start()
            submit(platform)
            whole = platform.run("events", "--json").splitlines()
            wait_until(lambda: follower.stdout().count("\n") >= len(whole), "the rest")
            self.assertEqual(follower.stdout().splitlines(), whole)


if __name__ == "__main__":
    unittest.main()
