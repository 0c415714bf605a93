"""Several shards with the real binary: kill -9 in the middle of a graph, backup, restore, check, and
events followed over all of it."""

import collections
import json
import os
import subprocess
import unittest

from platform_under_test import BINARY, Platform, wait_until

SHARDS = "3"
PARTS = 12

# Each part waits for the gate, so that the graph is caught in the middle.
GRAPH = """
tasks:
  first: {run: echo begun}
  part:
    needs: [first]
    matrix: {n: [%s]}
    run: |
      while [ ! -e "%s" ]; do sleep 0.05; done
      echo "part $n" > out
    artifacts: [out]
  join:
    needs: [part]
    inputs: [{from: part, artifact: out, file: out}]
    run: cat */out
"""


def platform_of_three(workers=2):
    return Platform(workers=workers, TROUPE_STORE_SHARDS=SHARDS)


def graph(platform):
    """Writes the group file; answers it and the gate that its parts wait for."""
    gate = os.path.join(platform.dir, "gate")
    parts = ", ".join(str(n) for n in range(1, PARTS + 1))
    return platform.group_file(GRAPH % (parts, gate)), gate


def open_gate(gate):
    with open(gate, "w"):
        pass


def offline(platform, *args, data=None):
    """A command on a directory that nobody serves; answers what subprocess says."""
    return subprocess.run([BINARY, "--data", data or platform.data, *args], capture_output=True,
                          text=True, timeout=120, env=platform.environment,
                          stdin=subprocess.DEVNULL)


def events_in(text):
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def event_key(event):
    """What an event says, without its position, which depends on the way of reading."""
    said = {k: v for k, v in event.items() if k != "position"}
    return json.dumps(said, sort_keys=True)


def said(events):
    return collections.Counter(event_key(e) for e in events)


class ThreeShards(unittest.TestCase):
    def assert_clean(self, platform, data=None):
        checked = offline(platform, "check", "--blobs", data=data)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def assert_graph_done(self, platform):
        states = [t["status"]["state"] for t in platform.tasks()]
        self.assertEqual(states, ["completed"] * (PARTS + 2))
        for task in platform.tasks():
            self.assertEqual(len(task["status"]["runs"]), 1, task["task"]["metadata"]["name"])

    def test_killed_in_the_middle_of_a_graph(self):
        with platform_of_three() as platform:
            stores = sorted(os.listdir(os.path.join(platform.data, "store")))
            self.assertEqual(stores, ["0", "1", "2", "handling"])
            path, gate = graph(platform)
            follower = platform.client("--json", "events", "-f")
            run = platform.client("run", path)
            for _ in range(3):
                wait_until(lambda: len([t for t in platform.tasks()
                                        if t["status"]["state"] == "running"]) == 2,
                           "two parts to run")
                platform.kill()
                self.assert_clean(platform)
                platform.start()
            open_gate(gate)
            self.assertEqual(run.wait(), 0, run.stderr())
            self.assert_graph_done(platform)
            self.assert_events(platform, follower)
            self.assertEqual(platform.stop(), 0)
            self.assert_clean(platform)

    def assert_events(self, platform, follower):
        """Each event once, in order for each task, whoever reads and from wherever."""
        def until_the_group_is_told():
            events = events_in(platform.run("events", "--json"))
            ended = any(event["exchange"].endswith("/task-group-resolved") for event in events)
            return events if ended else None

        whole = wait_until(until_the_group_is_told, "the group to be resolved")
        self.assertEqual(set(said(whole).values()), {1})
        wait_until(lambda: len(events_in(follower.stdout())) >= len(whole), "the follower")
        self.assertEqual(said(events_in(follower.stdout())), said(whole))
        order = ["task-defined", "task-pending", "task-running", "task-completed"]
        by_task = collections.defaultdict(list)
        for event in whole:
            kind = event["exchange"].rsplit("/", 1)[1]
            if kind in order:
                by_task[event["payload"]["status"]["taskId"]].append(kind)
        for kinds in by_task.values():
            self.assertEqual(kinds, order)
        for cut in range(0, len(whole), 7):
            position = whole[cut]["position"]
            self.assertEqual(len(position.split(".")), int(SHARDS))
            rest = events_in(platform.run("events", "--json", "--after", position))
            self.assertEqual(said(whole[:cut + 1] + rest), said(whole))

    def test_what_waits_is_in_the_order_it_came(self):
        with platform_of_three(workers=0) as platform:
            tasks = []
            for _ in range(3):
                for _ in range(8):
                    made = platform.run("submit", "--queue", "local/nobody", "--detach", "--", "true")
                    tasks.append(made.split()[-1])
                platform.kill()
                platform.start()
            waiting = json.loads(platform.run("queue", "pending", "local/nobody", "--json"))
            self.assertEqual([entry["taskId"] for entry in waiting["tasks"]], tasks)

    def test_backed_up_in_the_middle_and_restored(self):
        with platform_of_three() as platform:
            path, gate = graph(platform)
            platform.run("group", "create", path)
            wait_until(lambda: len([t for t in platform.tasks()
                                    if t["status"]["state"] == "running"]) == 2,
                       "two parts to run")
            known = {t["status"]["taskId"] for t in platform.tasks()}
            load = [platform.client("submit", "--queue", "local/nobody", "--detach", "--", "true")
                    for _ in range(4)]
            out = os.path.join(platform.dir, "backup")
            platform.run("backup", out)
            for client in load:
                self.assertEqual(client.wait(), 0, client.stderr())
            platform.stop()

            data = os.path.join(platform.dir, "elsewhere")
            restored = offline(platform, "restore", out, "--json", data=data)
            self.assertEqual(restored.returncode, 0, restored.stdout + restored.stderr)
            self.assertEqual(json.loads(restored.stdout)["voidedRuns"], 2)
            self.assert_clean(platform, data)
            upgraded = offline(platform, "upgrade", "--dry-run", "--json", data=data)
            self.assertEqual(len(json.loads(upgraded.stdout)["shards"]), int(SHARDS))

            platform.data = data
            platform.server = None
            platform.start()
            self.assertLessEqual(known, {t["status"]["taskId"] for t in platform.tasks()})
            open_gate(gate)
            wait_until(lambda: all(t["status"]["state"] == "completed"
                                   for t in platform.tasks() if t["status"]["taskId"] in known),
                       "the graph to go on")
            self.assertEqual(platform.stop(), 0)
            self.assert_clean(platform, data)

    def test_the_number_of_shards_is_fixed(self):
        with platform_of_three(workers=0) as platform:
            task = platform.submit("true")
            platform.stop()
            for other in ("1", "2", "5"):
                refused = subprocess.run(
                    [BINARY, "up", "--data", platform.data, "--workers", "0"], text=True,
                    env={**platform.environment, "TROUPE_STORE_SHARDS": other},
                    capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
                self.assertEqual(refused.returncode, 1, refused.stderr)
                self.assertIn("set store.shards to 3", refused.stderr)
            self.assert_clean(platform)
            platform.start()
            self.assertEqual(platform.status(task)["state"], "pending")


if __name__ == "__main__":
    unittest.main(verbosity=2)
