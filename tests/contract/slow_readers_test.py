"""WebSockets to the event log whose readers stop reading, over real connections: each is ended with
its code and reason, none makes the server keep what it does not take, and others go on."""

import re
import time
import unittest

from event_readers import Caller, EventSocket, root_credentials
from platform_under_test import SharedPlatform, read, wait_until

READERS = 24
TASKS = 300
ROUTES = ["a" * 240 + "%02d" % i for i in range(60)]  # of each task: its events are large
BACKLOG_BYTES = 2 * TASKS * sum(map(len, ROUTES))  # of task-defined and task-pending
TOO_SLOW = 1008
RECEIVE_BYTES = 4096
# For each a batch of 256 KiB as rows and as JSON, and its connection; for all the newest entries.
KEPT_BYTES_MAX = READERS * (2 << 20) + (32 << 20)
assert KEPT_BYTES_MAX < READERS * BACKLOG_BYTES / 2


class Still:
    """Whether a number has stayed the same for a while."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.value, self.since = None, 0

    def __call__(self, value):
        now = time.monotonic()
        if value != self.value:
            self.value, self.since = value, now
        return now - self.since >= self.seconds


class SlowReaders(SharedPlatform):
    workers = 0

    def open(self, **query):
        socket = EventSocket(self.platform, self.credentials, receive_bytes=RECEIVE_BYTES, **query)
        self.addCleanup(socket.close)
        return socket

    def create(self, count):
        for _ in range(count):
            status, body = self.caller.create_task(routes=ROUTES)
            self.assertEqual(status, 200, body)

    def anonymous_bytes(self):
        status = read("/proc/%d/status" % self.platform.server.pid)
        return int(re.search(r"^RssAnon:\s+(\d+) kB$", status, re.M).group(1)) * 1024

    def not_taken(self, socket):
        """Bytes on their way to a reader, as the kernel has it; None: its connection has ended."""
        ours = "0100007F:%04X" % socket.socket.getsockname()[1]
        server = "0100007F:%04X" % self.platform.http_port()
        for line in read("/proc/net/tcp").splitlines()[1:]:
            _, local, remote, state, queues, *_ = line.split()
            if (local, remote, state) == (server, ours, "01"):  # established
                return int(queues.split(":")[0], 16)
        return None

    def wait_until_stuck(self, sockets):
        still = [Still(1) for _ in sockets]

        def stuck():
            sizes = [self.not_taken(socket) for socket in sockets]
            return all([size and one(size) for size, one in zip(sizes, still)])

        wait_until(stuck, "the connections to be full")

    def test_slow_readers(self):
        self.credentials = root_credentials(self.platform)
        self.caller = Caller(self.platform, self.credentials)
        start = self.caller.events(after="now")[1]["next"]
        at_first = self.anonymous_bytes()
        self.create(TASKS)
        good = EventSocket(self.platform, self.credentials, after=start)
        self.addCleanup(good.close)
        everything = good.events_until(lambda events: len(events) == 2 * TASKS)

        slow = [self.open(after=start) for _ in range(READERS)]
        late, never = slow[0], slow[1]
        self.wait_until_stuck(slow)
        kept = self.anonymous_bytes() - at_first
        self.assertLess(kept, KEPT_BYTES_MAX)

        # Another reader, of what never comes: it is asked whether it is there when 30 s are over,
        # and by then those are slow.
        idle = EventSocket(self.platform, self.credentials, after="now", routingKey="none")
        self.addCleanup(idle.close)
        self.create(1)
        everything += good.events_until(lambda events: len(events) == 2)
        self.wait_for_ping(idle)
        self.check_ended(late, everything)
        wait_until(lambda: self.not_taken(never) is None, "the connections of the others to end")
        self.check_cut(never)
        for socket in slow[2:]:
            wait_until(lambda: self.not_taken(socket) is None, "all to have ended")

        # Who reads goes on.
        self.create(1)
        more = good.events_until(lambda events: len(events) >= 2)
        self.assertNotIn(more[0], everything)

    def wait_for_ping(self, socket):
        """Batches without an entry say where the log is."""
        opcode = None
        while opcode != 9:
            opcode, _ = socket.frame()
            self.assertIn(opcode, (1, 9))

    def check_ended(self, socket, everything):
        """It reads again, and is told where to go on: with that, it has everything, once."""
        events, batch = [], socket.batch()
        while "events" in batch:
            events += batch["events"]
            batch = socket.batch()
        self.assertEqual(batch["closed"], TOO_SLOW)
        words, _, position = batch["reason"].rpartition(" ")
        self.assertEqual(words, "too slow: go on from")
        self.assertEqual(position, events[-1]["position"])
        self.assertLess(len(events), len(everything))
        again = EventSocket(self.platform, self.credentials, after=position)
        self.addCleanup(again.close)
        left = len(everything) - len(events)
        events += again.events_until(lambda more: len(more) >= left)
        self.assertEqual(events, everything)

    def check_cut(self, socket):
        """It never took its batch: its connection ends in the middle of it."""
        with self.assertRaises((ConnectionError, ValueError, EOFError)):
            while True:
                self.assertNotIn("closed", socket.batch())


if __name__ == "__main__":
    unittest.main(verbosity=2)
