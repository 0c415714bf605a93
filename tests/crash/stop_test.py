"""A server that is asked to stop answers those that wait: over HTTP, RPC and WebSockets."""

import json
import socket
import unittest

from event_readers import EventSocket, hawk, root_credentials
from platform_under_test import Platform, wait_until


class Poll:
    """A request that waits, on a connection of its own. Returns when the server has read it."""

    def __init__(self, platform, method, target, body=b""):
        port = platform.http_port()
        head = ("%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: %s\r\n"
                "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                % (method, target, port, hawk(root_credentials(platform), method, target, port),
                   len(body)))
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.file = self.socket.makefile("rb")
        # The answer to the first says that both are there.
        self.socket.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + head.encode() + body)
        assert self.answer()[0] == 200

    def answer(self):
        """The next one: its status, headers and body; nothing if the connection ends before."""
        line = self.file.readline()
        if not line:
            return None
        headers = {}
        while (field := self.file.readline().strip()):
            name, value = field.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        return int(line.split()[1]), headers, self.file.read(int(headers["content-length"]))

    def close(self):
        self.file.close()
        self.socket.close()


class Stop(unittest.TestCase):
    def test_who_waits_is_answered(self):
        worker = b'{"workerGroup": "g", "workerId": "http", "tasks": 1}'
        with Platform(workers=0) as platform:
            asked = platform.client("api", "queue", "claimWork", "x/y", "--body",
                                    platform.group_file('{"workerGroup": "g", "workerId": "rpc"}'))
            wait_until(lambda: '"rpc"' in platform.run("worker", "list", "--json"),
                       "the worker that asks over RPC")
            polls = [Poll(platform, *request) for request in (
                ("GET", "/api/troupe/v1/events?after=now&wait=60"),
                ("POST", "/api/queue/v1/claim-work/x%2Fy", worker)) for _ in range(4)]
            streams = [EventSocket(platform, after="now") for _ in range(3)]
            self.assertEqual(platform.stop(), 0)
            for poll in polls:
                status, headers, body = poll.answer()
                self.assertEqual((status, headers["connection"]), (200, "close"))
                body = json.loads(body)
                self.assertEqual(body.get("events", body.get("tasks")), [])
                self.assertIsNone(poll.answer())
                poll.close()
            for stream in streams:
                self.assertEqual(stream.batch()["closed"], 1001)
                stream.close()
            self.assertEqual(asked.wait(), 0, asked.stderr())
            self.assertEqual(json.loads(asked.stdout()), {"tasks": []})


if __name__ == "__main__":
    unittest.main()
