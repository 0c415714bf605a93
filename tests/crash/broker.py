"""A RabbitMQ of a test's own: in a directory, with ports and a name of its own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from platform_under_test import read, wait_until

PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
LISTEN = os.environ["TROUPE_AMQP_LISTEN"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=120) as s:
            s.sendall(b"GET / HTTP/1.1\r\n\r\n")  # answered with the protocol that it speaks
            return s.recv(4) == b"AMQP"
    except OSError:
        return False


class Lines:
    """Those of a file that grows; each call has read what is new."""

    def __init__(self, path):
        self.file, self.lines, self.rest = open(path), [], ""

    def __call__(self):
        *whole, self.rest = (self.rest + self.file.read()).split("\n")
        self.lines += whole
        return self.lines

    def __del__(self):
        self.file.close()


class Broker:
    def __init__(self, certificate=None):
        """With a certificate, the path before `.pem` and `.key`, it speaks TLS at `tls_port`."""
        if not os.path.exists(PROGRAM):
            raise unittest.SkipTest("rabbitmq-server is not installed")
        self.dir = tempfile.mkdtemp(prefix="troupe-broker-")
        self.port, self.process, self.names = free_port(), None, None
        self.listeners, self.files = [], 0
        self.tls_port = free_port()
        with open(os.path.join(self.dir, "plugins"), "w") as f:
            f.write("[].\n")
        with open(os.path.join(self.dir, "broker.conf"), "w") as f:
            if certificate:
                f.write("listeners.ssl.default = 127.0.0.1:%d\n"
                        "ssl_options.certfile = %s.pem\nssl_options.keyfile = %s.key\n"
                        % (self.tls_port, certificate, certificate))
        self.environment = dict(
            os.environ, HOME=self.dir, RABBITMQ_NODENAME="troupe%d@localhost" % self.port,
            RABBITMQ_MNESIA_BASE=os.path.join(self.dir, "mnesia"),
            RABBITMQ_LOG_BASE=os.path.join(self.dir, "log"),
            RABBITMQ_PID_FILE=os.path.join(self.dir, "pid"),
            RABBITMQ_ENABLED_PLUGINS_FILE=os.path.join(self.dir, "plugins"),
            RABBITMQ_CONFIG_FILE=os.path.join(self.dir, "broker.conf"),
            RABBITMQ_NODE_IP_ADDRESS="127.0.0.1", RABBITMQ_NODE_PORT=str(self.port),
            RABBITMQ_DIST_PORT=str(free_port()), ERL_EPMD_PORT=str(free_port()),
            ERL_EPMD_ADDRESS="127.0.0.1",
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+sbwt none")

    def close(self):
        self.dismiss()
        self.stop()
        if self.names:
            self.names.kill()
            self.names.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def dismiss(self):
        """Those who listen go."""
        for listener in self.listeners:
            listener.kill()
            listener.wait()
        self.listeners = []

    def start(self):
        """If it does not run."""
        if self.process and self.process.poll() is None:
            return
        if self.names is None:
            # Else Erlang starts one that outlives all.
            self.names = subprocess.Popen(["epmd"], env=self.environment, cwd=self.dir,
                                          stdin=subprocess.DEVNULL)
        with open(os.path.join(self.dir, "out"), "a") as out:
            self.process = subprocess.Popen([PROGRAM], stdout=out, stderr=out, cwd=self.dir,
                                            stdin=subprocess.DEVNULL, env=self.environment,
                                            start_new_session=True)
        wait_until(lambda: answers(self.port) or self.process.poll() is not None, "the broker", 200)
        if self.process.poll() is not None:
            raise AssertionError("no broker: " + read(os.path.join(self.dir, "out"))[-2000:])

    def stop(self):
        """At once, as when its machine fails: what it has confirmed is on its disk."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def bind(self, queue, bindings, length=None):
        """With a length it refuses what is more."""
        text = "".join("%s %s\n" % binding for binding in bindings)
        command = [LISTEN, str(self.port), queue, "bind"] + ([str(length)] if length else [])
        subprocess.run(command, input=text, text=True, check=True, timeout=120)

    def delete(self, queue):
        subprocess.run([LISTEN, str(self.port), queue, "delete"], check=True, timeout=120)

    def listen(self, queue):
        """Takes what is in the queue, and what comes: answers a function that has the lines."""
        self.files += 1
        path = os.path.join(self.dir, "taken%d" % self.files)
        with open(path, "w") as out:
            self.listeners.append(subprocess.Popen([LISTEN, str(self.port), queue, "take"],
                                                   stdin=subprocess.DEVNULL, stdout=out))
        return Lines(path)
