"""40,000 malformed and hostile requests: each gets the right refusal or the end of its connection,
never a 5xx, a crash or a hang, and somebody who behaves is served all the while.

TROUPE_HOSTILE_SEED repeats a run, TROUPE_HOSTILE_COUNT changes its length."""

import collections
import http.client
import math
import os
import random
import threading
import time
import unittest

from contract import Server
from hostile_kinds import CURRENT, KINDS, Attacker
from hostile_wire import Hang, Wire, fire_alone, fire_pipelined

COUNT = int(os.environ.get("TROUPE_HOSTILE_COUNT", "40000"))
CONNECTIONS = 16  # at a time
PIPELINED = 25  # requests sent behind one another
STALLED = 64  # connections that never finish their request
GOOD_SECONDS_MAX = 60  # for any call of the one who behaves
GOOD_PAUSE_SECONDS = 0.02  # between its calls, as it shares the interpreter with the others


def plan(seed):
    """The kinds of all requests, shuffled, by a seed."""
    rng = random.Random(seed)
    total = sum(share for share, *_ in KINDS.values())
    kinds = []
    for name, (share, *_) in KINDS.items():
        kinds += [name] * math.ceil(COUNT * share / total)
    rng.shuffle(kinds)
    return kinds


class Witness(threading.Thread):
    """Somebody who behaves: signed calls, one after the other, each of which has to be answered."""

    def __init__(self, server):
        super().__init__()
        self.server = server
        self.done = threading.Event()
        self.calls = 0
        self.slowest = 0.0
        self.trouble = []

    def run(self):
        caller = self.server.caller(self.server.credentials())
        while not self.done.is_set():
            began = time.monotonic()
            mark = "witness-%d" % self.calls
            try:
                answer = caller.get("/scopes/current", headers={"x-taskcluster-trace-id": mark})
                status = answer.status
                if answer.headers["x-for-trace-id"] != mark:
                    status = "an answer to somebody else"
            except (OSError, http.client.HTTPException) as error:
                status = error
            took = time.monotonic() - began
            self.calls += 1
            self.slowest = max(self.slowest, took)
            if status != 200 or took > GOOD_SECONDS_MAX:
                self.trouble.append("%r after %.1f s" % (status, took))
            self.done.wait(GOOD_PAUSE_SECONDS)


class Battery(threading.Thread):
    """Fires a part of the plan and compares what becomes of it with what may."""

    def __init__(self, server, seed, kinds):
        super().__init__()
        self.address = ("127.0.0.1", server.http_port())
        self.kinds = kinds
        self.attacker = Attacker(random.Random(seed), *self.address, server.credentials(),
                                 int(time.time()))
        self.seen = collections.Counter()
        self.seconds = collections.Counter()
        self.trouble = []

    def run(self):
        waiting = []
        for name in self.kinds:
            shot = self.attacker.shot(name)
            if shot.alone:
                self.compare(lambda shot=shot: [fire_alone(self.address, shot)], [shot])
                continue
            waiting.append(shot)
            if len(waiting) == PIPELINED:
                self.together(waiting)
                waiting = []
        self.together(waiting)

    def together(self, shots):
        if shots:
            self.compare(lambda: fire_pipelined(self.address, shots), shots)

    def compare(self, fire, shots):
        began = time.monotonic()
        try:
            results = fire()
        except (OSError, ValueError, IndexError, Hang) as error:
            self.trouble.append("%s: %r; first sent: %r" % (
                "+".join(sorted({shot.kind for shot in shots})), error, shots[0].data[:300]))
            return
        finally:
            self.seconds[shots[0].kind if len(shots) == 1 else "pipelined"] += (
                time.monotonic() - began)
        for shot, status in zip(shots, results):
            self.seen[shot.kind, status] += 1
            if status not in shot.allowed:
                self.trouble.append("%s: %s, not one of %s: %r" % (
                    shot.kind, status, sorted(map(str, shot.allowed)), shot.data[:600]))


class Hostile(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.__exit__)
        self.server.start()

    def test_hostile(self):
        seed = int(os.environ.get("TROUPE_HOSTILE_SEED") or random.SystemRandom().randrange(10**9))
        kinds = plan(seed)
        print("TROUPE_HOSTILE_SEED=%d: %d requests of %d kinds" % (seed, len(kinds), len(KINDS)))
        root = self.server.caller(self.server.credentials())
        self.assertEqual(root.delete("/roles/anonymous").status, 204)
        stalled = self.stall()
        witness = Witness(self.server)
        witness.start()
        began = time.monotonic()
        try:
            batteries = [Battery(self.server, seed + i + 1, kinds[i::CONNECTIONS])
                         for i in range(CONNECTIONS)]
            for battery in batteries:
                battery.start()
            for battery in batteries:
                battery.join()
        finally:
            witness.done.set()
            witness.join()
            for wire in stalled:
                wire.close()
        self.report(batteries, witness, time.monotonic() - began)
        self.judge(batteries, witness)

    def stall(self):
        """Connections that began a request, and leave it at that until the end."""
        beginnings = [b"G", b"GET " + CURRENT.encode(), b"GET / HTTP/1.1\r\nHost: x\r\nX: ",
                      b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03",  # TLS
                      b"POST /api/auth/v1/scopes/expand HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"]
        stalled = []
        for i in range(STALLED):
            stalled.append(Wire(("127.0.0.1", self.server.http_port())))
            stalled[-1].send(beginnings[i % len(beginnings)])
        return stalled

    def report(self, batteries, witness, seconds):
        seen = sum((battery.seen for battery in batteries), collections.Counter())
        by_status = collections.Counter()
        for (_, status), count in seen.items():
            by_status[str(status)] += count
        print("%.1f s: %s; %d calls of one who behaves, the slowest %.0f ms" % (
            seconds, dict(sorted(by_status.items())), witness.calls, witness.slowest * 1000))
        took = sum((battery.seconds for battery in batteries), collections.Counter())
        print("most time went to " + ", ".join(
            "%s (%.1f s)" % pair for pair in took.most_common(5)))

    def judge(self, batteries, witness):
        trouble = [line for battery in batteries for line in battery.trouble]
        kinds = collections.Counter(line.split(":")[0] for line in trouble)
        examples = {line.split(":")[0]: line for line in reversed(trouble)}
        self.assertFalse(trouble, "%s\n%s" % (dict(kinds), "\n".join(examples.values())))
        self.assertEqual(witness.trouble, [])
        self.assertGreater(witness.calls, 10)
        self.assertIsNone(self.server.server.poll(), self.server.log())
        self.assertEqual(self.server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
