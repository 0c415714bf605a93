"""Bytes to the server and answers from it, many at a time on one connection."""

import socket

SECONDS_MAX = 120  # for any one answer: longer is a hang
CLOSED = "closed"  # what came in place of an answer
# A larger request goes alone: errors repeat their payload, and nobody reads while others are sent.
PIPELINED_BYTES_MAX = 8192


class Hang(AssertionError):
    """Neither an answer nor the end of the connection."""


class Shot:
    """One hostile request. `allowed` are its statuses, with CLOSED where the connection may end
    without one. `alone`: on a connection of its own; `half_close`: nothing more comes behind it."""

    def __init__(self, kind, data, allowed, alone=False, half_close=False):
        self.kind = kind
        self.data = data
        self.allowed = allowed
        self.alone = (alone or half_close or CLOSED in allowed or
                      len(data) > PIPELINED_BYTES_MAX)
        self.half_close = half_close


class Wire:
    """One connection that answers are read from."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def close(self):
        self.socket.close()

    def send(self, data):
        """False if the server has closed its side."""
        try:
            self.socket.sendall(data)
        except ConnectionError:
            return False
        except socket.timeout as error:
            raise Hang("the server does not read") from error
        return True

    def end(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server was faster

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        except socket.timeout as error:
            raise Hang("no answer within %d s" % SECONDS_MAX) from error
        self.buffer += data
        return bool(data)

    def status(self):
        """Status of the next answer and whether the connection goes on; (CLOSED, False) at its
        end. Interim answers are passed over."""
        while True:
            while b"\r\n\r\n" not in self.buffer:
                if not self._more():
                    return CLOSED, False
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            lines = head.split(b"\r\n")
            status = int(lines[0].split()[1])
            if status >= 200:
                break
        headers = dict(line.lower().split(b":", 1) for line in lines[1:])
        headers = {name.strip(): value.strip() for name, value in headers.items()}
        whole = self._skip_body(headers, status)
        return status, whole and headers.get(b"connection") != b"close"

    def _skip_body(self, headers, status):
        if status in (204, 304):
            return True
        if headers.get(b"transfer-encoding") == b"chunked":
            return self._skip_chunks()
        if b"content-length" in headers:
            return self._skip(int(headers[b"content-length"]))
        while self._more():
            pass
        return False

    def _skip(self, size):
        while len(self.buffer) < size:
            if not self._more():
                return False
        self.buffer = self.buffer[size:]
        return True

    def _skip_chunks(self):
        while True:
            while b"\r\n" not in self.buffer:
                if not self._more():
                    return False
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            size = int(line.split(b";")[0], 16)
            if not self._skip(size + 2):
                return False
            if size == 0:
                return True


def fire_alone(address, shot):
    """What becomes of one shot on a connection of its own."""
    wire = Wire(address)
    try:
        wire.send(shot.data)
        if shot.half_close:
            wire.end()
        return wire.status()[0]
    finally:
        wire.close()


def fire_pipelined(address, shots):
    """What becomes of each of the shots, sent one behind the other without waiting. Behind an
    answer that closes the connection the rest is sent again on another."""
    results = []
    while len(results) < len(shots):
        wire = Wire(address)
        try:
            wire.send(b"".join(shot.data for shot in shots[len(results):]))
            goes_on = True
            while goes_on and len(results) < len(shots):
                status, goes_on = wire.status()
                results.append(status)
        finally:
            wire.close()
    return results
