"""A load on the platform, and its ledger: what was asked, what was answered (ledger.h)."""

import collections
import mmap
import os
import select
import struct
import subprocess
import tempfile
import time

from platform_under_test import wait_until

LOAD = os.environ["TROUPE_LOAD"]
GAUGE = struct.Struct("<5Q")

# The API's enums, as the ledger numbers them.
STATES = ["unscheduled", "pending", "running", "completed", "failed", "exception"]
CREATED = ["scheduled", "retry", "task-retry", "rerun", "exception"]
RESOLVED = ["none", "completed", "failed", "deadline-exceeded", "canceled", "claim-expired",
            "worker-shutdown", "malformed-payload", "resource-unavailable", "internal-error",
            "intermittent-task"]
PRIORITIES = ["lowest", "very-low", "low", "medium", "high", "very-high", "highest"]


class Load:
    """The load of one platform. Its ledger can be read once it has drained."""

    def __init__(self, platform, **options):
        self.folder = tempfile.mkdtemp(prefix="load-", dir=platform.dir)
        args = [LOAD, os.path.join(platform.data, "credentials.json"), self.folder]
        for name, value in options.items():
            args += ["--" + name.replace("_", "-"), str(value)]
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=platform.environment)
        platform.clients.append(self.process)
        path = os.path.join(self.folder, "gauge")
        wait_until(lambda: os.path.exists(path) and os.path.getsize(path) >= GAUGE.size,
                   "the load to begin")
        with open(path, "rb") as gauge:
            self.gauge = mmap.mmap(gauge.fileno(), GAUGE.size, access=mmap.ACCESS_READ)

    def figures(self):
        names = ("sent", "answered", "created", "resolved", "busy")
        return dict(zip(names, GAUGE.unpack(self.gauge[:])))

    def unanswered(self):
        figures = self.figures()
        return figures["sent"] - figures["answered"]

    def wait_for(self, condition, what, seconds=120, looks=1):
        """Waits until the figures were seen to be so for `looks` times. Without a nap: the moment
        after one would be no random one."""
        end = time.monotonic() + seconds
        while looks > 0:
            looks -= bool(condition(self.figures()))
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError("waited in vain for %s: %s, the load's status %s" % (
                    what, self.figures(), self.process.poll()))
            os.sched_yield()

    def drain(self):
        """The clients end, all of theirs is answered. The workers go on."""
        self.process.stdin.write("drain\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], 120)
        if not ready or self.process.stdout.readline() != "drained\n":
            raise AssertionError("the load did not drain: %s, status %s" % (
                self.figures(), self.process.poll()))

    def stop(self):
        self.process.stdin.close()
        if self.process.wait(30) != 0:
            raise AssertionError("the load broke: status %d" % self.process.returncode)
        self.process.stdout.close()

    def ledger_path(self):
        return os.path.join(self.folder, "ledger")


class Run:
    """A run as a status showed it."""

    def __init__(self, word):
        state, created, resolved, self.worker, scheduled, started, ended = word.split(",")
        self.state = STATES[int(state)]
        self.created = CREATED[int(created)]
        self.reason = RESOLVED[int(resolved)]
        self.scheduled, self.started, self.resolved = int(scheduled), int(started), int(ended)


class Ledger:
    def __init__(self, *paths):
        # By the ledger's path and the number in it.
        self.sent = {}  # number: words
        self.acknowledged = {}  # number: words
        self.refused = {}  # number: words
        self.attempts = collections.Counter()  # number: how often it was sent
        self.claims = []  # task, run, token, worker
        self.busy = []  # what was said with each request to try again later
        for path in paths:
            with open(path) as lines:
                for line in lines:
                    self.add(path, line.split())

    def add(self, path, words):
        kind = words[0]
        if kind in ("sent", "ack", "refused"):
            where = {"sent": self.sent, "ack": self.acknowledged, "refused": self.refused}[kind]
            number = (path, int(words[1]))
            assert number not in where, "answered twice: %s" % words
            where[number] = words[2:]
            self.attempts[number] += kind == "sent"
        elif kind == "again":
            self.attempts[path, int(words[1])] += 1
        elif kind == "claim":
            self.claims.append((words[1], int(words[2]), words[3], words[4]))
        elif kind == "busy":
            self.busy.append(" ".join(words[1:]))

    def attempts_on(self, kind):
        """How often commands of a kind were sent, by task, and of workers by task and run."""
        counts = collections.Counter()
        for number, words in self.sent.items():
            if words[0] == kind:
                key = (words[1], int(words[2])) if kind == "report" else words[1]
                counts[key] += self.attempts[number]
        return counts

    def of_kind(self, kind, answered=True):
        """Pairs of what was sent and what was answered to it."""
        for number, words in self.sent.items():
            if words[0] != kind:
                continue
            answer = self.acknowledged.get(number)
            if answer or not answered:
                yield words[1:], answer and answer[1:]
