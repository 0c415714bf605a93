"""Readers of the event log over HTTP, for tests: signed requests, and a WebSocket."""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import os
import secrets
import socket
import struct
import time
import urllib.parse
import uuid


def hawk(credentials, method, target, port):
    """The header that signs a request without a body."""
    ts, nonce = str(int(time.time())), secrets.token_urlsafe(8)
    text = "\n".join(["hawk.1.header", ts, nonce, method, target, "127.0.0.1", str(port), "", "",
                      ""])
    mac = base64.b64encode(hmac.new(credentials["accessToken"].encode(), text.encode(),
                                    hashlib.sha256).digest()).decode()
    return 'Hawk id="%s", ts="%s", nonce="%s", mac="%s"' % (credentials["clientId"], ts, nonce, mac)


def bewit(credentials, target, port, seconds=600):
    """The target, signed for so long."""
    expires = str(int(time.time()) + seconds)
    text = "\n".join(["hawk.1.bewit", expires, "", "GET", target, "127.0.0.1", str(port), "", "",
                      ""])
    mac = base64.b64encode(hmac.new(credentials["accessToken"].encode(), text.encode(),
                                    hashlib.sha256).digest()).decode()
    signed = base64.urlsafe_b64encode(
        "\\".join([credentials["clientId"], expires, mac, ""]).encode()).decode().rstrip("=")
    return target + ("&" if "?" in target else "?") + "bewit=" + signed


def root_credentials(platform):
    with open(os.path.join(platform.data, "credentials.json")) as f:
        return json.load(f)


class Caller:
    """A kept connection over which requests are signed."""

    def __init__(self, platform, credentials=None):
        self.credentials, self.port = credentials, platform.http_port()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def call(self, method, target, body=None):
        headers = {}
        if self.credentials:
            headers["Authorization"] = hawk(self.credentials, method, target, self.port)
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        self.connection.request(method, target, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None

    def events(self, **query):
        query = {k.rstrip("_"): v for k, v in query.items()}
        return self.call("GET", "/api/troupe/v1/events?" + urllib.parse.urlencode(query))

    def renewed(self, platform):
        """The same to a server that was started again."""
        self.connection.close()
        self.__init__(platform, self.credentials)
        return self

    def __del__(self):
        self.connection.close()

    def create_task(self, queue="local/nobody", routes=(), tags=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp = lambda hours: (now + datetime.timedelta(hours=hours)).strftime(
            "%Y-%m-%dT%H:%M:%S.000Z")
        slugid = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[:22]
        return self.call("PUT", "/api/queue/v1/task/" + slugid, {
            "taskQueueId": queue, "created": stamp(0), "deadline": stamp(5), "expires": stamp(50),
            "payload": {}, "tags": tags or {}, "routes": list(routes),
            "metadata": {"name": "a", "description": "", "owner": "a@b.c",
                         "source": "https://a.b/c"}})


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__("%d %r" % (status, body))
        self.status, self.body = status, body


def masked(opcode, data):
    """A frame of a client, of less than 64 KiB."""
    mask = secrets.token_bytes(4)
    size = (bytes([128 | len(data)]) if len(data) < 126 else
            bytes([128 | 126]) + struct.pack(">H", len(data)))
    return bytes([128 | opcode]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


class EventSocket:
    """A WebSocket to the event stream; raises Refused where it does not become one."""

    def __init__(self, platform, credentials=None, by_bewit=False, early=b"", receive_bytes=None,
                 **query):
        """`early`: what is sent together with the request. `receive_bytes`: how much the kernel
        takes of what nobody reads."""
        port = platform.http_port()
        target = "/api/troupe/v1/event-stream"
        if query:
            target += "?" + urllib.parse.urlencode(query)
        headers = ""
        if credentials and by_bewit:
            target = bewit(credentials, target, port)
        elif credentials:
            headers = "Authorization: %s\r\n" % hawk(credentials, "GET", target, port)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self.socket = socket.socket()
        self.socket.settimeout(120)
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        self.socket.sendall(("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\n"
                             "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Key: %s\r\n%s\r\n" % (target, port, key, headers))
                            .encode() + early)
        status = int(self.file.readline().split()[1])
        got = {}
        while (line := self.file.readline().strip()):
            name, value = line.decode().split(":", 1)
            got[name.lower()] = value.strip()
        if status != 101:
            body = json.loads(self.file.read(int(got["content-length"])))
            self.close()
            raise Refused(status, body)
        wanted = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        assert got["sec-websocket-accept"] == base64.b64encode(wanted).decode(), got

    def close(self):
        self.file.close()
        self.socket.close()

    def frame(self):
        """The next frame: its opcode and its bytes."""
        first, second = self.file.read(2)
        size = second & 127
        if size == 126:
            size, = struct.unpack(">H", self.file.read(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.file.read(8))
        return first & 15, self.file.read(size)

    def send(self, opcode, data):
        self.socket.sendall(masked(opcode, data))

    def batch(self):
        """The next batch; a ping is answered, a close is told with its code and reason."""
        opcode, data = self.frame()
        while opcode == 9:
            self.send(10, data)
            opcode, data = self.frame()
        if opcode == 8:
            return {"closed": struct.unpack(">H", data[:2])[0], "reason": data[2:].decode()}
        assert opcode == 1, (opcode, data)
        return json.loads(data)

    def events_until(self, enough):
        events = []
        while not enough(events):
            events += self.batch()["events"]
        return events
