"""Encrypted connections: HTTP and RPC, who is trusted, and certificates that are renewed."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import unittest

from certificates import make_certificate
from platform_under_test import BINARY, Platform, read, wait_until


class Encrypted(unittest.TestCase):
    def start(self, mutual=False, **settings):
        platform = Platform(workers=1)
        self.addCleanup(platform.__exit__)
        for name in ("server", "renewed", "client", "other"):
            make_certificate(platform.dir, name)
        self.path = lambda name: os.path.join(platform.dir, name)
        for name in ("pem", "key"):
            shutil.copy(self.path("server." + name), self.path("used." + name))
        for side in ("HTTP", "RPC"):
            platform.environment["TROUPE_%s_TLS_CERT" % side] = self.path("used.pem")
            platform.environment["TROUPE_%s_TLS_KEY" % side] = self.path("used.key")
        if mutual:
            platform.environment["TROUPE_RPC_TLS_CLIENT_CA"] = self.path("client.pem")
        platform.start()
        return platform

    def context(self, authority):
        return ssl.create_default_context(cafile=self.path(authority))

    def served_certificate(self, port, authority):
        with socket.create_connection(("127.0.0.1", port), timeout=120) as plain:
            with self.context(authority).wrap_socket(plain, server_hostname="localhost") as peer:
                return peer.getpeercert()["subject"][0][0][1]

    def test_http(self):
        platform = self.start()
        port = platform.http_port()
        self.assertEqual(platform.ready["rootUrl"], "https://127.0.0.1:%d" % port)
        connection = http.client.HTTPSConnection("localhost", port, timeout=120,
                                                 context=self.context("server.pem"))
        for _ in range(2):
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            self.assertEqual((answer.status, answer.read()), (200, b"ok\n"))
        connection.close()
        with socket.create_connection(("127.0.0.1", port), timeout=120) as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertNotIn(b"200", self.received(plain))
        with self.assertRaises(ssl.SSLError):
            self.served_certificate(port, "other.pem")

    def received(self, peer):
        out = b""
        try:
            while piece := peer.recv(1 << 16):
                out += piece
        except ConnectionResetError:
            pass
        return out

    def answers_rpc(self, port, context):
        """Whether a Cap'n Proto server is behind the encryption: it answers a bootstrap."""
        pointer = 1 << 32 | 1 << 48  # to a struct that follows: one word of data, one pointer
        with socket.create_connection(("127.0.0.1", port), timeout=120) as plain:
            try:
                with context.wrap_socket(plain, server_hostname="localhost") as peer:
                    peer.sendall(struct.pack("<II5Q", 0, 5, pointer, 8, pointer, 0, 0))
                    return len(peer.recv(1 << 16)) > 0
            except (ssl.SSLError, ConnectionResetError):
                return False

    def test_rpc(self):
        platform = self.start()
        port = platform.rpc_port()
        with socket.create_connection(("127.0.0.1", port), timeout=120) as plain:
            plain.sendall(bytes(16))
            self.assertLess(len(self.received(plain)), 64)  # an alert at most
        self.assertTrue(self.answers_rpc(port, self.context("server.pem")))
        self.assertFalse(self.answers_rpc(port, self.context("other.pem")))
        # The data directory says whom to trust; its socket needs no trust.
        with open(os.path.join(platform.data, "credentials.json")) as f:
            self.assertEqual(json.load(f)["ca"], read(self.path("server.pem")))
        platform.run("submit", "--", "true")

    def test_rpc_with_certificates_of_clients(self):
        platform = self.start(mutual=True)
        port = platform.rpc_port()
        context = self.context("server.pem")
        self.assertFalse(self.answers_rpc(port, context))
        for name, good in (("other", False), ("client", True)):
            context = self.context("server.pem")
            context.load_cert_chain(self.path(name + ".pem"), self.path(name + ".key"))
            self.assertEqual(self.answers_rpc(port, context), good)
        platform.run("submit", "--", "true")

    def token(self, platform, name="token.json", **changes):
        path = self.path(name)
        platform.run("worker", "token", "create", "--pool", "local/far", "--output", path)
        token = json.loads(read(path))
        token.update(changes, rpc="127.0.0.1:%d" % platform.rpc_port())
        os.remove(path)
        with open(path, "w") as f:
            json.dump({k: v for k, v in token.items() if v is not None}, f)
        return path

    def worker(self, platform, token, name):
        return platform.client("worker", "--pool", "local/far", "--credentials", token,
                               "--worker-id", name, "--work-dir", self.path(name))

    def test_workers_and_commands(self):
        platform = self.start()
        platform.run("--rpc", "127.0.0.1:%d" % platform.rpc_port(), "task", "list")
        worker = self.worker(platform, self.token(platform), "good")
        log = platform.run("submit", "--queue", "local/far", "--", "echo", "from afar")
        self.assertIn("from afar", log)
        worker.process.terminate()
        self.assertEqual(worker.wait(), 0)

    def test_credentials_of_the_environment(self):
        platform = self.start()
        with open(os.path.join(platform.data, "credentials.json")) as f:
            credentials = json.load(f)
        environment = {**platform.environment, "TROUPE_RPC": "127.0.0.1:%d" % platform.rpc_port(),
                       "TASKCLUSTER_CLIENT_ID": credentials["clientId"],
                       "TASKCLUSTER_ACCESS_TOKEN": credentials["accessToken"]}
        for trusted, status, said in (
                (None, 3, "does it speak TLS? Then the credentials need `ca`, or the environment "
                          "TROUPE_CA"), ("server.pem", 0, ""),
                ("other.pem", 3, "nobody that TROUPE_CA names has signed it"),
                ("missing.pem", 2, "TROUPE_CA: "), ("server.key", 3, "TROUPE_CA")):
            if trusted:
                environment["TROUPE_CA"] = trusted
            done = subprocess.run([BINARY, "task", "list"], capture_output=True, text=True,
                                  timeout=120, cwd=platform.dir, env=environment)
            self.assertEqual(done.returncode, status, (trusted, done.stderr))
            self.assertIn(said, done.stderr)

    def test_workers_that_trust_another(self):
        platform = self.start()
        other = read(self.path("other.pem"))
        for name, ca, said in (("other", other, "certificate is not trusted"),
                               ("none", None, "does it speak TLS?"), ("noise", "noise", "`ca`")):
            worker = self.worker(platform, self.token(platform, name + ".json", ca=ca), name)
            wait_until(lambda: said in worker.stderr(), "the reason: " + said)
            worker.process.kill()

    def test_workers_with_certificates(self):
        platform = self.start(mutual=True)
        refused = self.worker(platform, self.token(platform, "without.json"), "without")
        wait_until(lambda: "connection_failed" in refused.stderr(), "the refusal")
        refused.process.kill()
        token = self.token(platform, clientCert=read(self.path("client.pem")),
                           clientKey=read(self.path("client.key")))
        worker = self.worker(platform, token, "with")
        wait_until(lambda: "worker_registered" in worker.stderr(), "the registration")

    def test_certificates_are_read_again(self):
        platform = self.start()
        ports = (platform.http_port(), platform.rpc_port())
        for port in ports:
            self.assertEqual(self.served_certificate(port, "server.pem"), "server")
        with open(self.path("used.pem"), "w") as f:
            f.write("noise")
        os.kill(platform.server.pid, signal.SIGHUP)
        wait_until(lambda: "tls_files_refused" in platform.log(), "the refusal")
        for port in ports:
            self.assertEqual(self.served_certificate(port, "server.pem"), "server")
        for name in ("pem", "key"):
            shutil.copy(self.path("renewed." + name), self.path("used." + name))
        os.kill(platform.server.pid, signal.SIGHUP)
        wait_until(lambda: "tls_files_read" in platform.log(), "the files to be read")

        def renewed(port):
            try:
                return self.served_certificate(port, "renewed.pem") == "renewed"
            except ssl.SSLError:
                return False

        for port in ports:
            wait_until(lambda: renewed(port), "the new certificate")
        with open(os.path.join(platform.data, "credentials.json")) as f:
            self.assertEqual(json.load(f)["ca"], read(self.path("renewed.pem")))

    def up(self, folder, *args, **settings):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TROUPE_")}
        return subprocess.run([BINARY, "up", "--data", os.path.join(folder, "data"), *args],
                              capture_output=True, text=True, timeout=120,
                              env={**environment, "HOME": folder, **settings})

    def test_files_that_cannot_be_used(self):
        platform = Platform()
        self.addCleanup(shutil.rmtree, platform.dir, True)
        done = self.up(platform.dir, TROUPE_HTTP_TLS_CERT="/nowhere.pem", TROUPE_HTTP_TLS_KEY="/x")
        self.assertEqual(done.returncode, 2)
        self.assertIn("http.tls_cert /nowhere.pem: cannot be read", done.stderr)
        done = self.up(platform.dir, TROUPE_RPC_TLS_CERT="/nowhere.pem")
        self.assertIn("rpc.tls_key: is missing", done.stderr)
        done = self.up(platform.dir, "--rpc", "0.0.0.0:0")
        self.assertEqual(done.returncode, 2)
        self.assertIn("rpc.tls_cert", done.stderr)
        self.assertFalse(os.path.exists(platform.data))

    def config_check(self, path):
        return subprocess.run([BINARY, "config", "check", path, "--json"], capture_output=True,
                              text=True, timeout=120, cwd="/")

    def test_config_check_looks_at_the_files_that_are_named(self):
        platform = Platform()
        self.addCleanup(shutil.rmtree, platform.dir, True)
        for name in ("server", "other"):
            make_certificate(platform.dir, name)
        path = os.path.join(platform.dir, "troupe.toml")
        for key, status, said in (("server.key", 0, ""), ("missing.key", 2, "cannot be read"),
                                  ("other.key", 2, "is not the key of http.tls_cert")):
            with open(path, "w") as f:
                f.write('[http]\ntls_cert = "server.pem"\ntls_key = "%s"\n' % key)
            done = self.config_check(path)
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            found = json.loads(done.stdout)
            self.assertEqual(found["valid"], status == 0)
            self.assertEqual(len(found["errors"]), 1 if status else 0)
            self.assertIn(said, "".join(found["errors"]))
            self.assertTrue(all(line.startswith(path + ":3: ") for line in found["errors"]))
        os.chmod(os.path.join(platform.dir, "server.key"), 0o644)
        with open(path, "w") as f:
            f.write('[http]\ntls_cert = "server.pem"\ntls_key = "server.key"\n')
        done = self.config_check(path)
        self.assertEqual(done.returncode, 0)
        self.assertIn("others on this machine", "".join(json.loads(done.stdout)["warnings"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
