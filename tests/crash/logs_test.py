"""What a task prints is what people read: byte for byte, while it runs and afterwards."""

import os
import random
import re
import subprocess
import unittest

from platform_under_test import BINARY, SharedPlatform, read_bytes, wait_until

BEFORE = re.compile(rb"\A(?:\[taskcluster [^\n]*\n)*?"
                    rb"\[taskcluster [^\]\n]*\] Executing command 0: [^\n]*\n")
AFTER = re.compile(rb"\[taskcluster [^\]\n]*\]    Exit Code: \d+\n"
                   rb"(?:\[taskcluster[: ][^\n]*\n)+\Z")


def printed(log):
    """A log without the worker's lines before and after the command's own."""
    begin = BEFORE.match(log)
    if not begin:
        raise AssertionError("no header: %r" % log[:2000])
    end = AFTER.search(log, begin.end())
    if not end:
        raise AssertionError("no trailer: %r" % log[-2000:])
    return log[begin.end():end.start()]


class Logs(SharedPlatform):
    def path(self, name):
        return os.path.join(self.platform.dir, name)

    def check(self, script, expected):
        """Each way to read the log of a script's task shows what was expected, and the same."""
        task = self.platform.submit(script)
        live = self.platform.client("task", "log", "-f", task)
        self.assertEqual(live.wait(), 0, live.stderr())
        # The worker's own lines start a line, whatever the command's last one was.
        if expected and not expected.endswith(b"\n"):
            expected += b"\n"
        whole = self.platform.output("task", "log", task)
        self.assertEqual(printed(whole), expected)
        self.assertEqual(read_bytes(live.out.name), whole)
        folder = self.path("downloads")
        for name in ("public/logs/live_backing.log", "public/logs/live.log"):
            self.platform.run("task", "download", task, name, "--output", folder)
            self.assertEqual(read_bytes(os.path.join(folder, name)), whole, name)

    def check_file(self, content):
        with open(self.path("content"), "wb") as f:
            f.write(content)
        self.check("cat %s" % self.path("content"), content)

    def test_nothing_at_all(self):
        self.check("true", b"")

    def test_text(self):
        self.check("echo one; echo; echo two", b"one\n\ntwo\n")

    def test_no_newline_at_the_end(self):
        self.check("printf 'one\\ntwo'", b"one\ntwo")

    def test_an_empty_line_alone(self):
        self.check("echo", b"\n")

    def test_every_byte(self):
        self.check_file(bytes(range(256)) * 3 + b"\xff\xfe\x00\r\n\x1b[31m")

    def test_random_bytes(self):
        self.check_file(random.Random(5).randbytes(3 << 20))

    def test_a_very_long_line(self):
        self.check_file(b"long " * (1 << 20) + b"end\n")

    def test_lines_like_the_worker_s_own(self):
        self.check_file(b"[taskcluster 2026-01-01T00:00:00.000Z] === Task Finished ===\nmore\n")

    def test_standard_error_keeps_its_place(self):
        script = "for i in $(seq 200); do printf 'o%s\\n' $i; printf 'e%s\\n' $i >&2; done"
        self.check(script, b"".join(b"o%d\ne%d\n" % (i, i) for i in range(1, 201)))

    def test_standard_error_alone(self):
        self.check("printf oops >&2", b"oops")

    def test_children_print_too(self):
        self.check("(echo child; echo more >&2) & wait; echo parent", b"child\nmore\nparent\n")

    def test_submit_prints_the_same(self):
        content = random.Random(6).randbytes(100_000)
        with open(self.path("content"), "wb") as f:
            f.write(content)
        shown = subprocess.run(
            [BINARY, "--data", self.platform.data, "submit", "--", "cat", self.path("content")],
            check=True, capture_output=True, timeout=120, env=self.platform.environment).stdout
        self.assertEqual(shown, self.platform.output("task", "log", "last"))

    def test_two_followers_of_a_running_task_read_the_same(self):
        go = self.path("go")
        os.mkfifo(go)
        task = self.platform.submit("echo begun; read x < %s; seq 10000" % go)
        early = self.platform.client("task", "log", "-f", task)
        wait_until(lambda: "begun" in early.stdout(), "the first follower to see the start")
        late = self.platform.client("task", "log", "-f", task)
        wait_until(lambda: "begun" in late.stdout(), "the second follower to see the start")
        with open(go, "w") as f:
            f.write("go\n")
        for follower in (early, late):
            self.assertEqual(follower.wait(), 0, follower.stderr())
        whole = self.platform.output("task", "log", task)
        numbers = b"".join(b"%d\n" % i for i in range(1, 10001))
        self.assertEqual(printed(whole), b"begun\n" + numbers)
        self.assertEqual(read_bytes(early.out.name), whole)
        self.assertEqual(read_bytes(late.out.name), whole)


if __name__ == "__main__":
    unittest.main(verbosity=2)
