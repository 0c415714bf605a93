"""Events go to a real RabbitMQ: all of them, in their order, whatever ends in between. With FULL=1
in the environment 100,000 of them."""

import json
import os
import shutil
import tempfile
import threading
import unittest
import urllib.request
from collections import Counter

from broker import Broker
from certificates import make_certificate
from event_readers import Caller, root_credentials
from platform_under_test import Platform, read, readiness, wait_until

TASKS = 50_000 if os.environ.get("FULL") == "1" else 300
SECONDS = 3_000 if os.environ.get("FULL") == "1" else 120
PREFIX = "exchange/taskcluster-queue/v1/"
EXCHANGES = [PREFIX + name for name in ("task-defined", "task-pending", "task-exception")]
CREATORS = 4


def metric(platform, name):
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % platform.http_port(),
                                timeout=120) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
    raise AssertionError("no metric " + name)


def create(platform, count, routes=(), tags=None):
    """So many tasks, by several at once."""
    failed = []

    def some(count):
        caller = Caller(platform, root_credentials(platform))
        for _ in range(count):
            status, body = caller.create_task(routes=routes, tags=tags)
            if status != 200:
                failed.append(body)
                return

    threads = [threading.Thread(target=some, args=(count // CREATORS,)) for _ in range(CREATORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise AssertionError("a task was not created: %r" % failed[0])


def logged(platform):
    """What the log says of tasks, in its order, as messages are told apart."""
    lines = platform.run("events", "--json", seconds=600).splitlines()
    events = [json.loads(line) for line in lines]
    return [(e["exchange"], e["routingKey"]) for e in events if e["exchange"] in EXCHANGES]


def taken(lines):
    return [tuple(line.split("\t")[:2]) for line in lines]


class RabbitMq(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = tempfile.mkdtemp(prefix="troupe-certificates-")
        cls.addClassCleanup(shutil.rmtree, cls.certificates)
        for name in ("broker", "other"):
            make_certificate(cls.certificates, name)
        cls.broker = Broker(os.path.join(cls.certificates, "broker"))
        cls.addClassCleanup(cls.broker.close)

    def setUp(self):
        self.broker.start()  # a test may have left it down
        self.addCleanup(self.broker.dismiss)

    def assert_all_came(self, lines, platform):
        """Each once or more, first in the order of the log."""
        wanted = logged(platform)
        wait_until(lambda: len(lines()) >= len(wanted) and set(taken(lines())) >= set(wanted),
                   "all messages", SECONDS)
        first = list(dict.fromkeys(taken(lines())))
        self.assertEqual(first, wanted)

    def platform(self, **environment):
        return Platform(workers=0, TROUPE_AMQP_URL="amqp://127.0.0.1:%d" % self.broker.port,
                        **environment)

    def queue(self, name, pattern="#", length=None):
        """One of this test's own, with what comes from now on."""
        name = "%s.%s" % (self.id(), name)
        self.broker.bind(name, [(exchange, pattern) for exchange in EXCHANGES], length)
        return name

    def test_nothing_is_lost_while_the_broker_is_down(self):
        with self.platform() as platform:
            wait_until(lambda: metric(platform, "amqp_connected") == 1, "the connection")
            all_messages = self.queue("all")
            routes = self.queue("routes", "route.#")
            create(platform, CREATORS, routes=["index.a.b", "x"])
            wait_until(lambda: metric(platform, "amqp_lag_events") == 0, "the first messages")

            self.broker.stop()
            create(platform, TASKS)
            self.assertEqual(readiness(platform)[0], 200)
            self.assertGreaterEqual(metric(platform, "amqp_lag_events"), 2 * TASKS)
            platform.kill()
            platform.start()
            self.assertIn("amqp_unavailable", read(os.path.join(platform.dir, "server.log")))

            self.broker.start()
            lines = self.broker.listen(all_messages)
            wait_until(lambda: len(lines()) > TASKS // 2, "some messages", SECONDS)
            platform.kill()
            platform.start()
            self.assert_all_came(lines, platform)
            self.assert_messages(lines(), platform)

            routed = self.broker.listen(routes)
            wait_until(lambda: len(routed()) >= 2 * CREATORS, "those with routes")
            for line in routed():
                exchange, key, copies = line.split("\t")[:3]
                self.assertEqual(copies, "CC route.index.a.b route.x")
                self.assertTrue(key.startswith("primary."), exchange)

    def assert_messages(self, lines, platform):
        bodies = {(e["exchange"], e["routingKey"]): e["payload"] for e in
                  map(json.loads, platform.run("events", "--json", seconds=600).splitlines())}
        for line in lines:
            exchange, key, copies, properties, body = line.split("\t")
            self.assertEqual(properties, "application/json utf-8 2")
            self.assertTrue(copies.startswith("CC"))
            self.assertEqual(json.loads(body), bodies[exchange, key])

    def test_the_broker_is_started_again_in_the_middle(self):
        with self.platform() as platform:
            wait_until(lambda: metric(platform, "amqp_connected") == 1, "the connection")
            all_messages = self.queue("all")
            creating = threading.Thread(target=create, args=(platform, TASKS))
            creating.start()
            wait_until(lambda: metric(platform, "amqp_published_total") > TASKS // 4, "some")
            self.broker.stop()
            self.broker.start()
            creating.join()
            lines = self.broker.listen(all_messages)
            self.assert_all_came(lines, platform)
            self.assertGreaterEqual(metric(platform, "amqp_reconnects_total"), 1)
            self.assertEqual(platform.stop(), 0)

    def test_a_queue_that_takes_no_more_holds_nobody_back(self):
        with self.platform() as platform:
            wait_until(lambda: metric(platform, "amqp_connected") == 1, "the connection")
            full = self.queue("full", length=1)
            self.addCleanup(self.broker.delete, full)
            lines = self.broker.listen(self.queue("all"))
            wait_until(lambda: metric(platform, "amqp_lag_events") == 0, "what was before")
            create(platform, CREATORS)
            wait_until(lambda: metric(platform, "amqp_lag_events") == 0, "the messages", SECONDS)
            self.assert_all_came(lines, platform)
            # All but the one that there was room for.
            self.assertEqual(metric(platform, "amqp_refused_events_total"), 2 * CREATORS - 1)
            self.assertEqual(metric(platform, "amqp_reconnects_total"), 0)
            self.assertIn("amqp_events_refused", read(os.path.join(platform.dir, "server.log")))
            self.assertLessEqual(max(Counter(taken(lines())).values()), 6)

            # Nobody waits for it any more.
            before = set(taken(lines()))
            create(platform, CREATORS)
            self.assert_all_came(lines, platform)
            wait_until(lambda: metric(platform, "amqp_lag_events") == 0, "the rest")
            later = [line for line in taken(lines()) if line not in before]
            self.assertEqual(len(later), 2 * CREATORS)

    def test_tls(self):
        environment = {"TROUPE_AMQP_URL": "amqps://guest@localhost:%d/" % self.broker.tls_port}
        trusted = lambda name: {"TROUPE_AMQP_TLS_CA": os.path.join(self.certificates,
                                                                   name + ".pem")}
        with Platform(workers=0, **environment, **trusted("broker")) as platform:
            wait_until(lambda: metric(platform, "amqp_connected") == 1, "the connection")
            all_messages = self.queue("all")
            create(platform, CREATORS)
            wait_until(lambda: metric(platform, "amqp_lag_events") == 0, "the messages")
            self.assert_all_came(self.broker.listen(all_messages), platform)
        for wrong in (trusted("other"), {}):
            with Platform(workers=0, **environment, **wrong) as platform:
                wait_until(lambda: metric(platform, "amqp_reconnects_total") >= 1, "attempts")
                self.assertEqual(metric(platform, "amqp_connected"), 0)
                self.assertIn("amqp_unavailable", read(os.path.join(platform.dir, "server.log")))

    def test_a_password_that_is_wrong_is_told(self):
        path = os.path.join(self.certificates, "password")
        with open(path, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
            f.write("wrong\n")
        with self.platform(TROUPE_AMQP_PASSWORD_FILE=path) as platform:
            wait_until(lambda: "amqp_unavailable" in read(os.path.join(platform.dir, "server.log")),
                       "the refusal")
            self.assertIn("user guest: ACCESS_REFUSED",
                          read(os.path.join(platform.dir, "server.log")))
            self.assertEqual(readiness(platform)[0], 200)

    def test_a_broker_that_is_down_for_too_long_loses_the_oldest_alone(self):
        sizes = {"TROUPE_EVENTS_RETENTION_BYTES": "1MiB", "TROUPE_AMQP_BACKLOG_BYTES": "2MiB"}
        with self.platform(**sizes) as platform:
            wait_until(lambda: metric(platform, "amqp_connected") == 1, "the connection")
            all_messages = self.queue("all")
            begin = Caller(platform).events(after="now")[1]["next"]
            self.broker.stop()
            # Two events each, of about 64 KiB: 4.5 MiB.
            create(platform, 36, tags={"tag%d" % i: "x" * 4000 for i in range(16)})
            platform.kill()
            platform.start()  # the log is looked at, and cut
            status = lambda: Caller(platform).events(after=begin, limit=1)[0]
            wait_until(lambda: status() == 410, "the oldest to be deleted")
            self.broker.start()
            wait_until(lambda: metric(platform, "amqp_lag_events") == 0, "the rest")
            wanted = logged(platform)
            self.assertGreaterEqual(len(wanted), 28)
            self.assertLessEqual(len(wanted), 36)
            self.assert_all_came(self.broker.listen(all_messages), platform)
            # Its position on disk may be of a moment before.
            self.assertGreaterEqual(metric(platform, "amqp_lost_events_total"), 72 - len(wanted))
            self.assertIn("amqp_events_lost", read(os.path.join(platform.dir, "server.log")))


if __name__ == "__main__":
    unittest.main()
