"""Backup, restore and check with the real binary, under load and under kill -9."""

import json
import os
import subprocess
import unittest

from platform_under_test import BINARY, Platform, wait_until


def run(platform, *args, data=None):
    """A command on a directory that nobody serves; answers what subprocess says."""
    flags = ["--data", data] if data else []
    return subprocess.run([BINARY, *flags, *args], capture_output=True, text=True, timeout=120,
                          env=platform.environment, stdin=subprocess.DEVNULL)


def start_elsewhere(platform, data):
    """Ends the platform for good and starts the restored directory in its place."""
    platform.stop()
    platform.data = data
    platform.server = None
    platform.start()


def states(platform):
    return {t["status"]["taskId"]: t["status"]["state"] for t in platform.tasks()}


class BackupUnderLoad(unittest.TestCase):
    def test_restored_elsewhere_goes_on(self):
        with Platform(workers=2) as platform:
            ended = platform.submit("echo one > out; cat out", "--artifact", "out")
            wait_until(lambda: platform.status(ended)["state"] == "completed", "the first task")
            gate = os.path.join(platform.dir, "gate")
            script = "echo begun; while [ ! -e %s ]; do sleep 0.05; done" % gate
            running = platform.submit(script)
            wait_until(lambda: platform.status(running)["state"] == "running", "the second task")
            wait_until(lambda: "begun" in platform.run("task", "log", running), "its log")
            waiting = platform.submit("echo later", "--queue", "local/nobody")
            load = [platform.client("submit", "--queue", "local/nobody", "--detach", "--", "true")
                    for _ in range(4)]
            out = os.path.join(platform.dir, "backup")
            made = json.loads(platform.run("backup", out, "--json"))
            self.assertGreater(int(made["rows"]), 10)
            self.assertEqual(int(made["blobsCopied"]), int(made["blobs"]))
            self.assertGreaterEqual(int(made["blobs"]), 2)  # the artifact and the log
            self.assertEqual(os.stat(out).st_mode & 0o777, 0o700)
            for client in load:
                self.assertEqual(client.wait(), 0, client.stderr())
            last = json.loads(platform.run("events", "--json").splitlines()[-1])["position"]

            data = os.path.join(platform.dir, "elsewhere")
            restored = run(platform, "restore", out, "--json", data=data)
            self.assertEqual(restored.returncode, 0, restored.stderr + restored.stdout)
            self.assertEqual(json.loads(restored.stdout)["voidedRuns"], 1)
            checked = run(platform, "check", "--blobs", data=data)
            self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

            start_elsewhere(platform, data)
            self.assertEqual(states(platform)[ended], "completed")
            self.assertEqual(states(platform)[waiting], "pending")
            self.assertEqual(platform.run("task", "log", ended).count("\none\n"), 1)
            with open(gate, "w"):
                pass
            wait_until(lambda: platform.status(running)["state"] == "completed",
                       "the task that ran to be retried")
            runs = platform.status(running)["runs"]
            self.assertEqual(runs[0]["reasonResolved"], "worker-shutdown")
            self.assertEqual(runs[1]["state"], "completed")
            news = [json.loads(line)["position"]
                    for line in platform.run("events", "--json").splitlines()]
            new = [p for p in news if int(p.rsplit("-", 1)[1]) > 2 ** 32]
            self.assertTrue(new, "events of the new life are numbered ahead")
            self.assertNotIn(last, new)
            platform.stop()
            again = run(platform, "check", "--blobs", data=data)
            self.assertEqual(again.returncode, 0, again.stdout + again.stderr)

    def test_second_backup_copies_new_blobs_only(self):
        with Platform(workers=1) as platform:
            def finish(word):
                task = platform.submit("echo %s > out" % word, "--artifact", "out")
                wait_until(lambda: platform.status(task)["state"] == "completed", word)
            finish("one")
            out = os.path.join(platform.dir, "backup")
            first = json.loads(platform.run("backup", out, "--json"))
            finish("two")
            second = json.loads(platform.run("backup", out, "--json"))
            self.assertGreater(int(first["blobsCopied"]), 0)
            self.assertEqual(int(second["blobsCopied"]),
                             int(second["blobs"]) - int(first["blobs"]))
            copies = [name for name in os.listdir(out) if name.startswith("data-")]
            self.assertEqual(len(copies), 1)

            # The same directory, stopped.
            platform.stop()
            third = run(platform, "backup", out, "--json", data=platform.data)
            self.assertEqual(third.returncode, 0, third.stderr)
            self.assertEqual(int(json.loads(third.stdout)["blobsCopied"]), 0)
            data = os.path.join(platform.dir, "elsewhere")
            self.assertEqual(run(platform, "restore", out, data=data).returncode, 0)


class BackupKilled(unittest.TestCase):
    def test_what_was_cut_short_is_refused(self):
        with Platform(workers=0) as platform:
            for _ in range(3):
                platform.submit("true")
            out = os.path.join(platform.dir, "backup")
            # So slow that it cannot end.
            client = platform.client("backup", out, "--rate", "1")
            wait_until(lambda: os.path.isdir(out) and
                       any(n.startswith("data-") for n in os.listdir(out)), "the backup to begin")
            platform.kill()
            self.assertEqual(client.wait(), 3, client.stderr())
            data = os.path.join(platform.dir, "elsewhere")
            refused = run(platform, "restore", out, data=data)
            self.assertEqual(refused.returncode, 1, refused.stdout)
            self.assertIn("no whole backup", refused.stderr)
            self.assertFalse(os.path.exists(data))

            platform.start()
            platform.run("backup", out)
            # A later one that is cut short leaves the one before it.
            client = platform.client("backup", out, "--rate", "1")
            wait_until(lambda: len([n for n in os.listdir(out) if n.startswith("data-")]) == 2,
                       "the next backup to begin")
            platform.kill()
            client.wait()
            restored = run(platform, "restore", out, data=data)
            self.assertEqual(restored.returncode, 0, restored.stderr)
            self.assertEqual(run(platform, "check", data=data).returncode, 0)
            platform.start()

    def test_a_client_that_goes_away_ends_it(self):
        with Platform(workers=0) as platform:
            out = os.path.join(platform.dir, "backup")
            platform.submit("true")
            client = platform.client("backup", out, "--rate", "1")
            wait_until(lambda: os.path.isdir(out) and
                       any(n.startswith("data-") for n in os.listdir(out)), "the backup to begin")
            client.process.kill()
            client.process.wait()
            wait_until(lambda: platform.run("backup", out, check=False).returncode == 0,
                       "another backup to be made")


class Refused(unittest.TestCase):
    def test_wrong_folders(self):
        with Platform(workers=0) as platform:
            full = os.path.join(platform.dir, "full")
            os.mkdir(full)
            with open(os.path.join(full, "file"), "w"):
                pass
            refused = platform.run("backup", full, check=False)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("no backup", refused.stderr)
            self.assertEqual(os.listdir(full), ["file"])
            inside = platform.run("backup", os.path.join(platform.data, "copy"), check=False)
            self.assertEqual(inside.returncode, 2)
            out = os.path.join(platform.dir, "backup")
            platform.run("backup", out)
            target = run(platform, "restore", out, data=full)
            self.assertEqual(target.returncode, 1)
            self.assertIn("not empty", target.stderr)
            self.assertEqual(os.listdir(full), ["file"])

    def test_check_and_upgrade_want_a_stopped_directory(self):
        with Platform(workers=0) as platform:
            for command in ("check", "upgrade"):
                refused = platform.run(command, check=False)
                self.assertEqual(refused.returncode, 1)
                self.assertIn("in use by process", refused.stderr)
            platform.stop()
            upgraded = run(platform, "upgrade", "--dry-run", data=platform.data)
            self.assertEqual(upgraded.returncode, 0, upgraded.stderr)
            self.assertIn("nothing to do", upgraded.stdout)
            version = os.path.join(platform.data, "version")
            with open(version) as f:
                made = f.read()
            with open(version, "w") as f:
                f.write("99 9.9.9\n")
            for command in ("check", "upgrade"):
                newer = run(platform, command, data=platform.data)
                self.assertEqual(newer.returncode, 1)
                self.assertIn("9.9.9", newer.stderr)
                self.assertIn("this is troupe", newer.stderr)
            with open(version, "w") as f:
                f.write(made)

    def test_check_finds_lost_and_damaged_blobs(self):
        with Platform(workers=1) as platform:
            task = platform.submit("echo some words > out", "--artifact", "out")
            wait_until(lambda: platform.status(task)["state"] == "completed", "the task")
            platform.stop()
            self.assertEqual(run(platform, "check", data=platform.data).returncode, 0)
            blobs = [os.path.join(root, name) for root, _, names
                     in os.walk(os.path.join(platform.data, "blobs", "sha256")) for name in names]
            size = os.path.getsize(blobs[0])
            with open(blobs[0], "r+b") as f:
                f.write(b"X")
            self.assertEqual(run(platform, "check", data=platform.data).returncode, 0)
            damaged = run(platform, "check", "--blobs", data=platform.data)
            self.assertEqual(damaged.returncode, 1)
            self.assertIn("its bytes have another hash", damaged.stdout)
            os.truncate(blobs[0], size + 1)
            self.assertIn("bytes, not %d" % size, run(platform, "check", data=platform.data).stdout)
            os.remove(blobs[0])
            lost = run(platform, "check", "--json", data=platform.data)
            self.assertEqual(lost.returncode, 1)
            self.assertIn("is missing", json.loads(lost.stdout)["findings"][0]["what"])


if __name__ == "__main__":
    unittest.main()
