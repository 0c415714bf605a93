"""64 workers race for the tasks of one queue, over HTTP and over RPC. Some are slow, some die with
what they hold, some processes are killed with all their workers. Each task runs once per run id,
none is lost, and what was pending when something was claimed is claimed in its order.

FULL=1 makes it 100,000 tasks. TROUPE_SEED repeats a choice of instants."""

import collections
import json
import os
import random
import subprocess
import unittest

from account import check_data, wait_for_the_end
from platform_under_test import Platform, wait_until

RACE = os.environ["TROUPE_RACE"]
FULL = os.environ.get("FULL") == "1"
TASKS = 100_000 if FULL else 3_000
KILLS = 20 if FULL else 4
PROCESSES = 4
WORKERS = 64  # at any time, in all processes
QUEUE = "race/queue"
PRIORITIES = 7

Creation = collections.namedtuple("Creation", "priority sent answered")
Claim = collections.namedtuple("Claim", "task run worker asked got")


class Runners:
    """The processes, and what they wrote down."""

    def __init__(self, platform):
        self.platform = platform
        self.logs = []
        self.workers = 0
        self.working = []
        self.looked_at = collections.Counter()  # bytes, by log
        self.reports = 0  # in these

    def start(self, role, count, first):
        log = os.path.join(self.platform.dir, "race-%d" % len(self.logs))
        self.logs.append(log)
        process = subprocess.Popen(
            [RACE, role, os.path.join(self.platform.data, "credentials.json"), log, QUEUE,
             str(count), str(first)], env=self.platform.environment,
            stdin=subprocess.PIPE if role == "work" else subprocess.DEVNULL)
        self.platform.clients.append(process)
        return process

    def start_workers(self):
        count = WORKERS // PROCESSES
        self.working.append(self.start("work", count, self.workers))
        self.workers += count

    def kill_one(self, index):
        process = self.working.pop(index)
        if process.poll() is not None:
            raise AssertionError("workers ended by themselves: %d" % process.returncode)
        process.kill()
        process.wait()
        process.stdin.close()

    def stop(self):
        for process in self.working:
            process.stdin.close()
            if process.wait(30) != 0:
                raise AssertionError("workers broke: status %d" % process.returncode)

    def lines(self):
        for log in self.logs:
            if os.path.exists(log):
                with open(log) as lines:
                    yield from (line.split() for line in lines if line.endswith("\n"))

    def count_reports(self):
        for log in self.logs:
            if os.path.exists(log):
                with open(log, "rb") as lines:
                    lines.seek(self.looked_at[log])
                    fresh = lines.read()
                fresh = fresh[:fresh.rfind(b"\n") + 1]
                self.looked_at[log] += len(fresh)
                self.reports += sum(line.startswith(b"reported ") for line in fresh.splitlines())
        return self.reports


class Record:
    """What the processes wrote down, by task and run."""

    def __init__(self, lines):
        self.created = {}
        self.claims = []
        self.claimed = collections.defaultdict(list)
        self.reporting = {}  # the worker that said so
        self.reported = set()
        self.refused = set()
        self.died = 0
        for kind, *words in lines:
            if kind == "created":
                self.created[words[0]] = Creation(*map(int, words[1:]))
            elif kind == "claimed":
                claim = Claim(words[0], int(words[1]), words[2], int(words[3]), int(words[4]))
                self.claims.append(claim)
                self.claimed[claim.task, claim.run].append(claim)
            elif kind == "reporting":
                self.reporting[words[0], int(words[1])] = words[2]
            elif kind == "reported":
                self.reported.add((words[0], int(words[1])))
            elif kind == "refused":
                self.refused.add((words[0], int(words[1])))
            elif kind == "died":
                self.died += 1


def overtaken(record):
    """Pairs of claims whose first was made although a task that should have come before it was
    acknowledged as pending, and stayed so until the second claim.

    Only what is sure from outside: the first was asked for after the answer to the other task's
    creation, and that task was claimed by somebody who asked after the first was here. It goes
    before it if its priority is higher, or the same and it was acknowledged before the first one's
    run can have become pending."""
    became_pending = {}  # earliest time, by task and run
    for claim in record.claims:
        later = (claim.task, claim.run + 1)
        became_pending[later] = claim.asked

    def earliest(claim):
        return became_pending.get((claim.task, claim.run), record.created[claim.task].sent)

    latest_asked = [(0, None)] * PRIORITIES  # of what was claimed so far, by priority
    latest_younger = [(0, None)] * PRIORITIES
    by_got = sorted(record.claims, key=lambda claim: claim.got)
    found = []
    next_got = 0
    for claim in sorted(record.claims, key=lambda claim: claim.asked):
        while by_got[next_got].got < claim.asked:
            earlier = by_got[next_got]
            next_got += 1
            priority = record.created[earlier.task].priority
            latest_asked[priority] = max(latest_asked[priority], (earlier.asked, earlier))
            young = min(earlier.asked, earliest(earlier))
            latest_younger[priority] = max(latest_younger[priority], (young, earlier))
        if claim.run > 0:
            continue  # when a retry became pending is not known outside
        creation = record.created[claim.task]
        candidates = latest_asked[:creation.priority] + [latest_younger[creation.priority]]
        worst = max(candidates, key=lambda candidate: candidate[0])
        if worst[0] > creation.answered:
            found.append((worst[1], claim))
    return found


class OvertakenTest(unittest.TestCase):
    """The check itself."""

    def overtaken(self, *lines):
        return [(first.task, second.task)
                for first, second in overtaken(Record([line.split() for line in lines]))]

    def test_a_lower_priority_that_is_claimed_first(self):
        created = ("created low 0 1 2", "created high 6 3 4")
        self.assertEqual(self.overtaken(*created, "claimed low 0 w 5 6", "claimed high 0 w 7 8"),
                         [("low", "high")])
        self.assertEqual(self.overtaken(*created, "claimed high 0 w 5 6", "claimed low 0 w 7 8"),
                         [])
        # Asked for before the other was known to wait; by requests that overlap.
        self.assertEqual(self.overtaken(*created, "claimed low 0 w 3 6", "claimed high 0 w 7 8"),
                         [])
        self.assertEqual(self.overtaken(*created, "claimed low 0 w 5 7", "claimed high 0 w 6 8"),
                         [])

    def test_a_younger_one_that_is_claimed_first(self):
        claims = ("claimed young 0 w 5 6", "claimed old 0 w 7 8")
        self.assertEqual(self.overtaken("created old 3 1 2", "created young 3 3 4", *claims),
                         [("young", "old")])
        self.assertEqual(self.overtaken("created old 3 1 3", "created young 3 2 4", *claims), [])

    def test_a_retry_that_is_claimed_before_what_waited_longer(self):
        created = ("created old 3 10 11", "created lost 3 1 2")
        later = ("claimed lost 1 w 14 15", "claimed old 0 w 16 17")
        self.assertEqual(self.overtaken(*created, "claimed lost 0 w 12 13", *later),
                         [("lost", "old")])
        self.assertEqual(self.overtaken(*created, "claimed lost 0 w 3 4", *later), [])


class RaceTest(unittest.TestCase):
    maxDiff = None

    def race(self, platform, runners, dice):
        first = TASKS * 3 // 4
        self.assertEqual(runners.start("create", first, 0).wait(300), 0)
        for _ in range(PROCESSES):
            runners.start_workers()
        rest = runners.start("create", TASKS - first, first)
        for kill in range(KILLS):
            done = TASKS * (kill + dice.random()) / (KILLS + 1)
            wait_until(lambda: runners.count_reports() >= done, "%d reports" % done, 300)
            runners.kill_one(dice.randrange(PROCESSES))
            runners.start_workers()
        self.assertEqual(rest.wait(300), 0)
        wait_until(lambda: self.counts(platform) == (0, 0), "an empty queue", 600)
        wait_for_the_end(platform)
        runners.stop()

    def counts(self, platform):
        shown = json.loads(platform.run("queue", "show", QUEUE, "--json"))
        return shown["pending"], shown["claimed"]

    def check_tasks(self, tasks, record):
        self.assertEqual({task["taskId"] for task in tasks}, set(record.created))
        self.assertEqual(len(tasks), TASKS)
        for task in tasks:
            *lost, last = task["runs"]
            name = task["taskId"]
            self.assertEqual([run["runId"] for run in task["runs"]], list(range(len(task["runs"]))))
            self.assertEqual(last["state"], "completed", task)
            for run in lost:
                self.assertIn(run["reasonResolved"], ("claim-expired", "worker-shutdown"), task)
            for run in task["runs"]:
                where = (name, run["runId"])
                claims = record.claimed[where]
                self.assertLessEqual(len(claims), 1, "%s was claimed twice: %s" % (where, claims))
                for claim in claims:
                    self.assertEqual(claim.worker, run["workerId"], task)
                if run is last:
                    self.assertEqual(record.reporting.get(where), run["workerId"], task)
                    self.assertTrue(claims, task)
                else:
                    self.assertNotIn(where, record.reported, task)

    def test_each_run_once_none_lost_all_in_order(self):
        seed = int(os.environ.get("TROUPE_SEED", random.SystemRandom().randrange(2 ** 32)))
        settings = {"TROUPE_QUEUE_CLAIM_TIMEOUT": "4s", "TROUPE_QUEUE_CLAIM_WORK_TIMEOUT": "2s",
                    "TROUPE_WORKER_LEASE": "1s"}
        if FULL:
            settings["TROUPE_LOG_LEVEL"] = "info"
        with Platform(workers=0, **settings) as platform:
            runners = Runners(platform)
            self.race(platform, runners, random.Random(seed))
            record = Record(runners.lines())
            tasks = [task["status"] for task in json.loads(platform.run(
                "task", "list", "--limit", "0", "--json", seconds=280))["tasks"]]
            retries = sum(len(task["runs"]) - 1 for task in tasks)
            print("seed %d: %d tasks, %d claims, %d died, %d killed, %d retries, %d refused" % (
                seed, len(tasks), len(record.claims), record.died, KILLS, retries,
                len(record.refused)), flush=True)
            self.check_tasks(tasks, record)
            self.assertEqual(overtaken(record)[:3], [])
            self.assertGreater(record.died, 0)
            self.assertGreater(retries, 0)
            check_data(platform)


if __name__ == "__main__":
    unittest.main()
