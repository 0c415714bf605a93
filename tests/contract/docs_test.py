"""The examples of docs/clients.md run, print what their caller may do, and are short."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

import clients
from contract import ContractTest

SOURCE = os.environ["TROUPE_SOURCE"]


def example(heading):
    """The first block of code below a heading."""
    with open(os.path.join(SOURCE, "docs", "clients.md")) as file:
        section = file.read().split("\n## %s\n" % heading)[1].split("\n## ")[0]
    return re.search(r"^```\w+\n(.*?)^```$", section, re.DOTALL | re.MULTILINE).group(1)


class Docs(ContractTest):
    def run_example(self, *command, text=None, suffix=""):
        """Runs a program, or an example's text from a file beside the installed clients."""
        caller = self.client("auth:current-scopes", "auth:get-client:*", "x:y")
        environment = {
            "PATH": os.environ["PATH"], "HOME": self.server.dir, "PYTHONPATH": SOURCE,
            "TASKCLUSTER_ROOT_URL": self.server.root_url,
            "TASKCLUSTER_CLIENT_ID": caller["clientId"],
            "TASKCLUSTER_ACCESS_TOKEN": caller["accessToken"],
            "TROUPE_RPC": "127.0.0.1:%d" % self.server.rpc_port()}
        with tempfile.NamedTemporaryFile("w", suffix=suffix, dir=clients.folder()) as file:
            if text:
                file.write(text)
                file.flush()
                command = (*command, file.name)
            done = subprocess.run(command, env=environment, cwd=SOURCE, timeout=120, text=True,
                                  capture_output=True, stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, done.stdout.split()),
                         (0, ["assume:anonymous", "auth:current-scopes", "auth:get-client:*",
                              "x:y"]), done.stdout + done.stderr)

    def test_ten_lines_each(self):
        for heading in ("JavaScript", "Python", "Python over Cap'n Proto", "C++"):
            lines = [line for line in example(heading).splitlines() if line.strip()]
            self.assertLessEqual(len(lines), 10, heading)

    def test_javascript(self):
        self.run_example("node", text=example("JavaScript"), suffix=".mjs")

    def test_python(self):
        self.run_example(sys.executable, text=example("Python"), suffix=".py")

    def test_python_over_rpc(self):
        self.run_example(sys.executable, text=example("Python over Cap'n Proto"), suffix=".py")

    def test_cpp(self):
        """CMake builds it from the document."""
        self.run_example(os.environ["TROUPE_CPP_EXAMPLE"])


if __name__ == "__main__":
    unittest.main()
