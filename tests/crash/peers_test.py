"""Peers that prove nothing: what they may send and cost, on RPC and HTTP; and addresses in use."""

import contextlib
import itertools
import os
import random
import re
import resource
import socket
import struct
import subprocess
import threading
import unittest

from platform_under_test import BINARY, SharedPlatform

# What a server takes before the proof of who sends it (runtime/rpc/handshake_stream.h).
HANDSHAKE_BYTES_MAX = 32768
# How many of them it keeps (apps/troupe/server/listener.cpp).
STRANGERS_MAX = 2048
# More connections than there is room for, on either port.
FLOOD = 4500


def rpc_message(*words):
    """One Cap'n Proto message of a single segment."""
    return struct.pack("<II", 0, len(words)) + struct.pack("<%dQ" % len(words), *words)


def bootstrap(question):
    """rpc.capnp: Message.bootstrap = (questionId = question)."""
    pointer = 1 << 32 | 1 << 48  # to a struct that follows: one word of data, one pointer
    return rpc_message(pointer, 8, pointer, question, 0)


def received(peer):
    """All that comes until the other side hangs up."""
    out = bytearray()
    while True:
        try:
            piece = peer.recv(1 << 16)
        except ConnectionResetError:
            return bytes(out)
        if not piece:
            return bytes(out)
        out += piece


def messages_in(data):
    """How many whole Cap'n Proto messages `data` holds."""
    count = 0
    while len(data) >= 8:
        segments = struct.unpack_from("<I", data)[0] + 1
        sizes = struct.unpack_from("<%dI" % segments, data, 4)
        size = 8 * ((4 + 4 * segments + 7) // 8 + sum(sizes))
        if len(data) < size:
            break
        data = data[size:]
        count += 1
    return count


class Peers(SharedPlatform):
    workers = 0
    settings = {"TROUPE_SERVER_MAX_CONNECTIONS": "4096"}

    def connect(self, port):
        peer = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.addCleanup(peer.close)
        return peer

    def rpc(self):
        return self.connect(self.platform.rpc_port())

    def http(self):
        return self.connect(self.platform.http_port())

    def still_serves(self):
        self.platform.run("task", "list")

    def sends(self, peer, data, pieces=1):
        """Whether the other side takes so many pieces, and the end of them."""
        try:
            for _ in range(pieces):
                peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
        except OSError:
            return False  # it hung up
        return True

    def test_a_first_message_may_not_be_large(self):
        peer = self.rpc()
        words = 6 << 20
        peer.sendall(struct.pack("<II", 0, words))
        # More than the system's buffers hold: it arrives only if somebody reads it.
        self.assertFalse(self.sends(peer, bytes(1 << 20), words * 8 >> 20))
        self.still_serves()

    def test_a_large_message_is_refused_at_its_first_word(self):
        peer = self.rpc()
        peer.sendall(struct.pack("<II", 0, 1 << 20))
        self.assertIn(b"too large", received(peer))
        self.still_serves()

    def test_many_small_messages_are_too_many(self):
        peer = self.rpc()
        sent = 4 * HANDSHAKE_BYTES_MAX // len(bootstrap(0))
        self.sends(peer, b"".join(bootstrap(i) for i in range(sent)))
        self.assertLessEqual(messages_in(received(peer)), sent // 4 + 1)
        self.still_serves()

    def test_a_small_handshake_is_answered(self):
        peer = self.rpc()
        peer.sendall(bootstrap(0))
        self.assertGreater(len(peer.recv(1 << 16)), 0)

    def test_rpc_garbage_and_half_messages(self):
        rng = random.Random(7)
        for data in [rng.randbytes(size) for size in (1, 7, 8, 9, 64, 1000, 100000)] + [
                b"\x00\x00\x00\x00\x10\x00\x00\x00half", b"GET / HTTP/1.1\r\n\r\n"]:
            with self.rpc() as peer:
                self.sends(peer, data)
        self.still_serves()

    def test_who_comes_to_the_wrong_port_is_told_at_once(self):
        with self.rpc() as peer:
            peer.settimeout(120)
            self.sends(peer, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b"Cap'n Proto RPC, not HTTP", received(peer))
        with self.http() as peer:
            peer.settimeout(120)
            peer.sendall(bootstrap(0))
            self.assertIn(b"HTTP/1.1 400 ", peer.recv(1 << 16))

    def test_peers_that_prove_nothing_are_sent_away(self):
        begun = [b"", b"\x00\x00\x00", b"\x00\x00\x00\x00\x10\x00\x00\x00half", bootstrap(0)]
        peers = [self.rpc() for _ in range(50 * len(begun))]
        for i, peer in enumerate(peers):
            peer.sendall(begun[i % len(begun)])
        self.still_serves()  # meanwhile
        for peer in peers:
            received(peer)

    def test_a_flood_of_strangers_keeps_nobody_out(self):
        self.make_room_for_descriptors()
        peers = [self.rpc() for _ in range(FLOOD)]
        # Through the same door as they: the data directory's socket is not for strangers.
        client = ("--rpc", "127.0.0.1:%d" % self.platform.rpc_port(), "task", "list")
        self.platform.run(*client)
        # All but the last have made room, and as many as wait in line may not be accepted yet.
        waiting = 256
        while len(peers) > STRANGERS_MAX + waiting:
            self.assertEqual(received(peers.pop(0)), b"")
        with self.pouring(peers, self.platform.rpc_port()):
            for _ in range(3):
                self.platform.run(*client)
        self.assertIn("rpc_crowded", self.platform.log())

    def make_room_for_descriptors(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < FLOOD + 500:
            self.skipTest("%d descriptors are too few for a flood" % hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    @contextlib.contextmanager
    def pouring(self, peers, port, begun=(b"",)):
        """Meanwhile each peer that is sent away is replaced by a new one; in the end all go."""
        stop = threading.Event()

        def pour():
            for i in itertools.count():
                if stop.is_set():
                    return
                with peers.pop(0) as oldest:
                    received(oldest)
                peers.append(socket.create_connection(("127.0.0.1", port)))
                peers[-1].sendall(begun[i % len(begun)])

        pourer = threading.Thread(target=pour)
        pourer.start()
        try:
            yield
        finally:
            stop.set()
            pourer.join()
            for peer in peers:
                peer.close()

    def test_a_flood_of_silent_connections_over_http_keeps_nobody_out(self):
        self.make_room_for_descriptors()
        healthy = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        begun = [b"", b"GET /hea"]
        for _ in range(100):  # these are the last to go
            self.http().sendall(b"POST /api/auth/v1/scopes/expand HTTP/1.1\r\nHost: x\r\n"
                                b"Content-Length: 9\r\n\r\nhalf")
        peers = []
        for i in range(FLOOD):
            peers.append(self.http())
            peers[-1].sendall(begun[i % len(begun)])
        self.assertIn(b" 200 ", self.answer(healthy))
        self.assertEqual(received(peers.pop(0)), b"")
        with self.pouring(peers, self.platform.http_port(), begun):
            for _ in range(20):
                self.assertIn(b" 200 ", self.answer(healthy))
        self.assertIn("http_crowded", self.platform.log())
        ended = re.search(rb"\nhttp_connections_ended_total (\d+)",
                          self.answer(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"))
        self.assertGreater(int(ended[1]), FLOOD - 4096)

    def test_http_garbage_and_half_requests(self):
        rng = random.Random(7)
        head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
        refused = [rng.randbytes(100) + b"\r\n\r\n", b"GET\r\n\r\n", b"\r\n" * 9,
                   b"GET /healthz HTTP/1.1\r\nno colon\r\n\r\n",
                   head + b"Content-Length: many\r\n\r\n", head + b"X: " + b"x" * (1 << 18)]
        for request in refused:
            with self.http() as peer:
                self.sends(peer, request)
                self.assertNotIn(b" 200 ", received(peer), request[:80])
        for half in (b"G", b"GET /healthz", head, head + b"Content-Length: 9\r\n\r\nhalf"):
            with self.http() as peer:
                peer.sendall(half)
        self.assertIn(b" 200 ", self.answer(head + b"\r\n"))

    def answer(self, request):
        with self.http() as peer:
            self.assertTrue(self.sends(peer, request))
            return received(peer)

    def test_http_ends_where_the_peer_wants_that(self):
        for end in (b" HTTP/1.0\r\n\r\n", b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
            for path in (b"/healthz", b"/metrics", b"/nowhere"):
                with self.http() as peer:
                    peer.settimeout(120)
                    peer.sendall(b"GET " + path + end)
                    self.assertIn(b"\r\nConnection: close\r\n", received(peer))

    def test_http_ends_behind_a_body_that_nobody_reads(self):
        task = b"PUT /api/queue/v1/task/fN1SbArXTPSVFNUvaOlinQ"
        sized = b"\r\nContent-Length: 2\r\n\r\n{}"
        chunked = b"\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        for status, begin, body in (
                (404, b"PUT /nowhere HTTP/1.1", sized), (404, b"PUT /nowhere HTTP/1.1", chunked),
                (404, b"POST /nowhere HTTP/1.0", sized), (200, b"OPTIONS /healthz HTTP/1.1", sized),
                (415, task + b" HTTP/1.1\r\nContent-Encoding: strange", sized)):
            with self.subTest(begin), self.http() as peer:
                peer.settimeout(60)  # less than the time that an idle connection has
                peer.sendall(begin + b"\r\nHost: x\r\nConnection: close"
                             b"\r\nContent-Type: application/json" + body)
                answer = received(peer)
                self.assertIn(b" %d " % status, answer.splitlines()[0])
                self.assertIn(b"\r\nConnection: close\r\n", answer)

    def test_http_refusals_say_why(self):
        for line in (b"GET /nowhere", b"DELETE /healthz"):
            answer = self.answer(line + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b" 404 ", answer)
            self.assertIn(b"Not found", answer)

    def test_idle_http_peers_keep_nobody_out(self):
        for _ in range(100):
            self.http()
        self.assertIn(b" 200 ", self.answer(
            b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))

    def test_ports_in_use_are_named(self):
        for taken, free, port in (("--rpc", "--http", self.platform.rpc_port()),
                                  ("--http", "--rpc", self.platform.http_port())):
            other = os.path.join(self.platform.dir, "other")
            done = subprocess.run(
                [BINARY, "up", "--data", other, free, "127.0.0.1:0", taken, "127.0.0.1:%d" % port],
                capture_output=True, text=True, timeout=120, env=self.platform.environment)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("port %d on 127.0.0.1 is taken by process %d" %
                          (port, self.platform.server.pid), done.stderr)
            self.assertFalse(os.path.exists(other), "a failed start made a data directory")
        self.still_serves()


if __name__ == "__main__":
    unittest.main(verbosity=2)
