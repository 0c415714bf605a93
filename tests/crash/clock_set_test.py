"""The wall clock jumps by hours, either way, while the server runs: leases and claims of workers
shift with it, deadlines follow it, and no timer waits for a time that has been left behind."""

import datetime
import json
import mmap
import os
import struct
import tempfile
import time
import unittest

from platform_under_test import Platform, read, wait_until

SHIM = os.environ["TROUPE_CLOCK_SHIM"]
HOUR_MS = 3600 * 1000


class SetClock:
    """The server's wall clock. Workers of their own have the machine's."""

    def __init__(self):
        with tempfile.NamedTemporaryFile(prefix="troupe-clock-", delete=False) as file:
            self.path = file.name
            file.write(bytes(8))
        with open(self.path, "r+b") as file:
            self.offset = mmap.mmap(file.fileno(), 8)

    def set(self, hours):
        self.offset[:] = struct.pack("<q", int(hours * HOUR_MS))

    def close(self):
        self.offset.close()
        os.remove(self.path)


class ClockSet(unittest.TestCase):
    def setUp(self):
        self.clock = SetClock()
        self.addCleanup(self.clock.close)

    def platform(self, **settings):
        return Platform(workers=0, LD_PRELOAD=SHIM, TROUPE_TEST_CLOCK=self.clock.path, **settings)

    def worker(self, platform, name="w"):
        """Joins with the machine's clock: only the server's is set."""
        environment = platform.environment
        platform.environment = {k: v for k, v in environment.items() if k != "LD_PRELOAD"}
        try:
            return platform.worker(platform.worker_token(), name=name)
        finally:
            platform.environment = environment

    def test_a_client_s_last_use_is_noted_every_six_hours(self):
        with self.platform() as platform:
            def used():
                shown = json.loads(platform.run("api", "auth", "client", "static/troupe/root"))
                return datetime.datetime.fromisoformat(shown["lastDateUsed"].replace("Z", "+00:00"))
            first = used()
            self.clock.set(5)
            for _ in range(3):
                self.assertEqual(used(), first)
            self.clock.set(7)
            second = wait_until(lambda: used() != first and used(), "the use to be noted")
            self.assertGreaterEqual(second - first, datetime.timedelta(hours=6))
            self.clock.set(8)
            self.assertEqual(used(), second)

    def test_connected_workers_keep_their_runs(self):
        with self.platform(TROUPE_WORKER_LEASE="2s") as platform:
            self.worker(platform)
            gate = os.path.join(platform.dir, "gate")
            task = platform.submit("echo begun; while [ ! -e %s ]; do sleep 0.05; done" % gate)
            wait_until(lambda: platform.status(task)["state"] == "running", "the task to run")
            for hours in (3, -3, 20, 0):
                self.clock.set(hours)
                # A task created and ended under the new time shows that all went on.
                other = platform.submit("true", "--queue", "local/other")
                platform.run("task", "cancel", other)
                status = platform.status(task)
                self.assertEqual(status["state"], "running", "at %d hours" % hours)
                self.assertEqual(len(status["runs"]), 1)
            with open(gate, "w"):
                pass
            platform.wait_for_task(task)
            self.assertEqual(len(platform.status(task)["runs"]), 1)

    def test_leases_end_in_elapsed_time(self):
        for hours in (-5, 5):
            with self.platform(TROUPE_WORKER_LEASE="5s") as platform:
                self.clock.set(0)
                worker = self.worker(platform)
                marker = os.path.join(platform.dir, "runs")
                task = platform.submit(
                    'echo "$RUN_ID" >> %s; [ "$RUN_ID" != 0 ] || sleep 600' % marker)
                wait_until(lambda: read(marker), "run 0 to start")
                worker.process.kill()
                worker.process.wait()
                gone = time.monotonic()
                self.clock.set(hours)
                self.worker(platform, name="other")
                platform.wait_for_task(task)
                # Neither at once nor only when the clock is where it was.
                self.assertGreater(time.monotonic() - gone, 1.5)
                self.assertEqual(platform.status(task)["runs"][0]["reasonResolved"],
                                 "worker-shutdown")
                self.clock.set(0)

    def test_deadlines_follow_the_clock(self):
        with self.platform(TROUPE_QUEUE_DEADLINE_DELAY="0s") as platform:
            task = platform.submit("true", "--queue", "local/nobody")
            definition = [t["task"] for t in platform.tasks()][0]
            hours = self.hours_until(definition["deadline"])
            self.clock.set(-2)
            other = platform.submit("true", "--queue", "local/nobody")
            self.assertEqual(platform.status(task)["state"], "pending")
            self.clock.set(hours - 1)
            self.assertEqual(platform.status(task)["state"], "pending")
            self.clock.set(hours + 0.1)
            for name in (task, other):
                wait_until(lambda: platform.status(name)["state"] == "exception", "the deadline")
                self.assertEqual(platform.status(name)["runs"][-1]["reasonResolved"],
                                 "deadline-exceeded")

    @staticmethod
    def hours_until(text):
        end = time.mktime(time.strptime(text.split(".")[0].rstrip("Z"), "%Y-%m-%dT%H:%M:%S"))
        return (end - time.mktime(time.gmtime())) / 3600

    def test_restart_with_another_time(self):
        """What was claimed before a jump and a kill is its worker's still."""
        with self.platform(TROUPE_WORKER_LEASE="20s") as platform:
            self.worker(platform)
            gate = os.path.join(platform.dir, "gate")
            task = platform.submit("while [ ! -e %s ]; do sleep 0.05; done" % gate)
            wait_until(lambda: platform.status(task)["state"] == "running", "the task to run")
            for hours in (7, -7):
                platform.kill()
                self.clock.set(hours)
                platform.start()
                self.assertEqual(platform.status(task)["state"], "running")
            with open(gate, "w"):
                pass
            platform.wait_for_task(task)
            self.assertEqual(len(platform.status(task)["runs"]), 1)
            self.assertEqual(json.loads(platform.run("task", "status", task, "--json"))[
                "status"]["state"], "completed")


if __name__ == "__main__":
    unittest.main()
