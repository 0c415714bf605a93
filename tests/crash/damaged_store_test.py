"""A directory that cannot be written, pages that make no sense, a file that is cut short: an error
that names the place and the remedy, never an answer made of garbage."""

import json
import os
import random
import shutil
import subprocess
import tempfile
import unittest

from account import wait_for_the_end
from load_under_test import Load
from platform_under_test import BINARY, Platform, make_mount, unmount

PAGE = 4096
REMEDY = "restore a backup"


def statuses(platform):
    listed = json.loads(platform.run("task", "list", "--limit", "0", "--json"))["tasks"]
    return {task["status"]["taskId"]: task for task in listed}


def data_file(platform):
    return os.path.join(platform.data, "store", "0", "data.mdb")


def run(platform, *args):
    return subprocess.run([BINARY, "--data", platform.data, *args], capture_output=True, text=True,
                          timeout=120, env=platform.environment, stdin=subprocess.DEVNULL)


def start_refused(platform):
    """A start that must end by itself; answers its status and what it said."""
    ended = run(platform, "up", "--workers", "0")
    return ended.returncode, ended.stdout + ended.stderr


def with_tasks(platform):
    """Some hundred tasks, all resolved; then the server is stopped. Answers what they were."""
    load = Load(platform, clients=1, in_flight=16, workers=1)
    load.wait_for(lambda f: f["created"] >= 300, "tasks to be created")
    load.drain()
    wait_for_the_end(platform)
    load.stop()
    tasks = statuses(platform)
    platform.stop()
    return tasks


class ReadOnly(unittest.TestCase):
    def test_says_so_and_ends(self):
        with Platform(workers=0) as platform:
            task = platform.submit("true", "--queue", "local/nobody")
            platform.stop()
            make_mount(platform.data, "--bind", platform.data)
            self.addCleanup(shutil.rmtree, platform.dir, ignore_errors=True)
            self.addCleanup(unmount, platform.data)
            make_mount(platform.data, "-o", "remount,ro,bind")
            status, said = start_refused(platform)
            self.assertNotEqual(status, 0, said)
            self.assertIn(platform.data, said)
            self.assertIn("Read-only file system; the data directory must be writable", said)
            make_mount(platform.data, "-o", "remount,rw,bind")
            platform.start()
            self.assertEqual(platform.status(task)["state"], "pending")
            platform.stop()


class DamagedPages(unittest.TestCase):
    def damage(self, path, seed, one_in):
        """Overwrites pages with what no page looks like, the two meta pages excepted."""
        choice = random.Random(seed)
        pages = os.path.getsize(path) // PAGE
        with open(path, "r+b") as file:
            for page in range(2, pages):
                if choice.randrange(one_in) == 0:
                    file.seek(page * PAGE)
                    file.write(bytes(choice.randrange(256) for _ in range(64)) * (PAGE // 64))

    def check_refusal(self, platform, said):
        self.assertIn(os.path.join(platform.data, "store", "0"), said)
        self.assertIn("is damaged", said)
        self.assertIn(REMEDY, said)

    def test_found_by_check_and_never_answered(self):
        with Platform(workers=0) as platform:
            before = with_tasks(platform)
            sound = data_file(platform) + ".sound"
            shutil.copyfile(data_file(platform), sound)
            for seed, one_in in enumerate((5, 10, 20, 30, 40, 50)):
                shutil.copyfile(sound, data_file(platform))
                self.damage(data_file(platform), seed, one_in)
                checked = run(platform, "check")
                self.assertEqual(checked.returncode, 1, checked.stdout + checked.stderr)
                self.check_refusal(platform, checked.stdout + checked.stderr)
                self.serve(platform, before, seed)
            shutil.copyfile(sound, data_file(platform))
            os.remove(sound)
            self.assertEqual(run(platform, "check").returncode, 0)
            platform.start()
            self.assertEqual(statuses(platform), before)

    def serve(self, platform, before, seed):
        """The start is refused, or what can be read is as it was and the rest is an error."""
        try:
            platform.start()
        except AssertionError as refused:
            self.assertNotIn(platform.server.wait(), (0, None))
            self.check_refusal(platform, str(refused))
            return
        outcome = {"answered": 0, "refused": 0}
        for task in sorted(before)[:40]:
            asked = platform.run("task", "status", task, "--json", check=False)
            if asked.returncode == 0:
                outcome["answered"] += 1
                self.assertEqual(json.loads(asked.stdout)["status"], before[task]["status"])
            else:
                outcome["refused"] += 1
                if platform.server.poll() is not None:
                    break
        print("seed %d: served, %s, the server's status %s" % (
            seed, outcome, platform.server.poll()), flush=True)
        if platform.server.poll() is None:
            self.assertEqual(platform.stop(), 0)
        if outcome["refused"]:
            self.check_refusal(platform, platform.log())


class CutShort(unittest.TestCase):
    def test_refused_until_it_is_whole(self):
        with Platform(workers=0) as platform:
            before = with_tasks(platform)
            path = data_file(platform)
            shutil.copyfile(path, path + ".sound")
            size = os.path.getsize(path)
            for left in (size // 2 // PAGE * PAGE, 3 * PAGE, PAGE, 100):
                os.truncate(path, left)
                status, said = start_refused(platform)
                self.assertEqual(status, 1, said)
                self.assertIn(os.path.join(platform.data, "store", "0"), said)
                self.assertIn(REMEDY, said)
                checked = run(platform, "check")
                self.assertEqual(checked.returncode, 1, checked.stdout + checked.stderr)
                self.assertEqual(os.path.getsize(path), left, "a refused start changed the file")
                shutil.copyfile(path + ".sound", path)
            platform.start()
            self.assertEqual(statuses(platform), before)


if __name__ == "__main__":
    unittest.main()
