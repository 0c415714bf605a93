"""Holds a ledger against what the platform says: nothing acknowledged lost, nothing done twice."""

import collections
import datetime
import json
import subprocess

from load_under_test import PRIORITIES, RESOLVED, STATES, Run
from platform_under_test import BINARY, Timeout, wait_until

OUTCOMES = ["completed", "failed", "exception"]
RESOLVED_STATES = ("completed", "failed", "exception")


def milliseconds(text):
    time = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round(time.timestamp() * 1000)


class Account:
    """All that a load did, and all that the platform has of it. `problems` says what is wrong."""

    def __init__(self, ledger, tasks, events):
        self.ledger = ledger
        self.tasks = {task["status"]["taskId"]: task for task in tasks}
        self.events = events
        self.problems = []
        self.check_tasks_once(tasks)
        self.check_creations()
        self.check_answers()
        self.check_claims()
        self.check_reports()
        self.check_runs_are_accounted_for()
        self.check_refusals()
        self.check_events()

    def expect(self, condition, problem, *args):
        if not condition:
            self.problems.append(problem % args)
        return condition

    def runs(self, task):
        return self.tasks[task]["status"]["runs"] if task in self.tasks else []

    def check_tasks_once(self, tasks):
        self.expect(len(tasks) == len(self.tasks), "a task is listed twice")
        sent = {words[0] for words, _ in self.ledger.of_kind("create", answered=False)}
        for task in self.tasks:
            self.expect(task in sent, "task %s: nobody created it", task)

    def check_creations(self):
        for words, _ in self.ledger.of_kind("create"):
            task, name, group, dependency, created, priority = words
            if not self.expect(task in self.tasks, "task %s: acknowledged, but lost", task):
                continue
            stored = self.tasks[task]["task"]
            expected = (name, group, [] if dependency == "-" else [dependency], int(created),
                        int(created) + 3600000, PRIORITIES[int(priority)])
            found = (stored["metadata"]["name"], stored["taskGroupId"], stored["dependencies"],
                     milliseconds(stored["created"]), milliseconds(stored["deadline"]),
                     stored["priority"])
            self.expect(found == expected, "task %s: is %s, not %s", task, found, expected)

    def check_answers(self):
        """What an answer showed of a run stays true."""
        for number, words in self.ledger.acknowledged.items():
            if words[0] == "reclaim":
                task, run, until = words[1], int(words[2]), int(words[3])
                runs = self.runs(task)
                if self.expect(run < len(runs), "task %s: run %d is lost", task, run):
                    self.expect(milliseconds(runs[run]["takenUntil"]) >= until,
                                "task %s: run %d lost its renewal", task, run)
                continue
            for run, word in enumerate(words[3:]):
                self.check_seen(words[1], run, Run(word))

    def check_seen(self, task, number, seen):
        runs = self.runs(task)
        if not self.expect(number < len(runs), "task %s: run %d is lost", task, number):
            return
        run = runs[number]
        same = run["reasonCreated"] == seen.created and milliseconds(
            run["scheduled"]) == seen.scheduled
        if seen.started:
            same = same and run.get("workerId") == seen.worker and milliseconds(
                run["started"]) == seen.started
        if seen.resolved:
            same = (same and run["state"] == seen.state and run["reasonResolved"] == seen.reason and
                    milliseconds(run["resolved"]) == seen.resolved)
        self.expect(same, "task %s: run %d is %s, it was %s", task, number, run, vars(seen))

    def check_claims(self):
        holders = collections.defaultdict(set)
        for task, run, token, worker in self.ledger.claims:
            holders[task, run].add((token, worker))
            runs = self.runs(task)
            if self.expect(run < len(runs), "task %s: claimed run %d is lost", task, run):
                self.expect(runs[run].get("workerId") == worker,
                            "task %s: run %d is of %s, %s had claimed it", task, run,
                            runs[run].get("workerId"), worker)
        for (task, run), claims in holders.items():
            self.expect(len(claims) == 1, "task %s: run %d was claimed as %s", task, run, claims)

    def check_reports(self):
        for words, _ in self.ledger.of_kind("report"):
            task, run = words[0], words[1]
            runs = self.runs(task)
            if not self.expect(int(run) < len(runs), "task %s: run %s is lost", task, run):
                continue
            found = (runs[int(run)]["state"], runs[int(run)]["reasonResolved"])
            reported = self.reported(words)
            self.expect(found == reported, "task %s: run %s is %s, reported was %s", task, run,
                        found, reported)

    @staticmethod
    def reported(words):
        """State and reason that a report asks for."""
        state = OUTCOMES[int(words[-2])]
        return state, RESOLVED[int(words[-1])] if state == "exception" else state

    def check_runs_are_accounted_for(self):
        """The other way round: for each run, and each end of one, somebody asked."""
        reports = {(words[0], int(words[1])): words
                   for words, _ in self.ledger.of_kind("report", answered=False)}
        reruns = collections.Counter(
            words[0] for words, _ in self.ledger.of_kind("rerun", answered=False))
        cancelled = {words[0] for words, _ in self.ledger.of_kind("cancel", answered=False)}
        for task, listed in self.tasks.items():
            runs = listed["status"]["runs"]
            state = listed["status"]["state"]
            self.expect(state in RESOLVED_STATES, "task %s is %s in the end", task, state)
            made = collections.Counter(run["reasonCreated"] for run in runs)
            self.expect(made["rerun"] <= reruns[task], "task %s: %d reruns of %d that were asked",
                        task, made["rerun"], reruns[task])
            self.expect(made["scheduled"] + made["exception"] <= 1, "task %s: %s", task, made)
            for run in runs:
                number, reason = run["runId"], run.get("reasonResolved")
                if reason == "canceled":
                    self.expect(task in cancelled, "task %s: nobody cancelled it", task)
                elif self.expect((task, number) in reports, "task %s: run %d is %s, not reported",
                                 task, number, reason):
                    said = self.reported(reports[task, number])[1]
                    self.expect(said == reason, "task %s: run %d ended %s, not %s", task, number,
                                reason, said)
                if run["reasonCreated"] == "retry":
                    before = runs[number - 1]
                    self.expect(before["reasonResolved"] == "worker-shutdown",
                                "task %s: run %d repeats one that is %s", task, number,
                                before["reasonResolved"])

    def check_refusals(self):
        """A worker is refused only once its run has ended: cancelled, or as it reported itself
        before the kill. Nothing else is refused at all."""
        for number, words in self.ledger.refused.items():
            task, code = words[1], words[2]
            sent = self.ledger.sent[number]
            refused = sent[0] in ("report", "reclaim") and code == "RequestConflict"
            if not self.expect(refused, "%s was refused: %s", sent, words):
                continue
            run = self.runs(task)[int(sent[2]):][:1]
            ends = ["canceled"] + [self.reported(sent)[1]] * (sent[0] == "report")
            self.expect(run and run[0].get("reasonResolved") in ends,
                        "%s was refused, the run is %s", sent, run)

    def check_events(self):
        """Each step of each task once, in its order. A command that is repeated is announced again:
        such messages may be as many as there were repeats, and no more."""
        positions = [event["position"] for event in self.events]
        self.expect(len(set(positions)) == len(positions), "an event has come twice")
        steps = self.steps_seen()
        may_repeat = self.repeats()
        for task, listed in self.tasks.items():
            first = list(dict.fromkeys(steps[task]))
            expected = self.steps_expected(listed)
            self.expect(first == expected, "task %s: events %s, not %s", task, first, expected)
            for step, times in collections.Counter(steps[task]).items():
                self.expect(times - 1 <= may_repeat(task, step), "task %s: %d times %s", task,
                            times, step)

    def steps_seen(self):
        steps = collections.defaultdict(list)
        for event in self.events:
            kind = event["exchange"].rsplit("/", 1)[1]
            payload = event["payload"]
            if kind.startswith("task-") and "status" in payload:
                steps[payload["status"]["taskId"]].append((kind, payload.get("runId")))
        return steps

    @staticmethod
    def steps_expected(listed):
        steps = [("task-defined", None)]
        for run in listed["status"]["runs"]:
            if run["reasonCreated"] != "exception":
                steps.append(("task-pending", run["runId"]))
            if "started" in run:
                steps.append(("task-running", run["runId"]))
            steps.append(("task-" + run["state"], run["runId"]))
        return steps

    def repeats(self):
        """How often a step of a task may have been announced again."""
        creates, cancels, reruns, reports = (
            self.ledger.attempts_on(kind) for kind in ("create", "cancel", "rerun", "report"))

        def may_repeat(task, step):
            kind, run = step
            if kind == "task-defined":
                return creates[task] - 1
            if kind == "task-pending":
                before = max(0, reports[task, run - 1] - 1)
                return creates[task] - 1 + reruns[task] + before
            if kind == "task-running":
                return 0
            return max(0, reports[task, run] - 1) + cancels[task]
        return may_repeat


def account_of(ledger, platform):
    """Reads all that the platform has."""
    tasks = json.loads(platform.run("task", "list", "--limit", "0", "--json"))["tasks"]
    events = [json.loads(line) for line in platform.run("events", "--json").splitlines()]
    return Account(ledger, tasks, events)


def wait_for_the_end(platform):
    """Waits until all tasks are resolved."""
    open_states = [state for state in STATES if state not in RESOLVED_STATES]

    def unresolved():
        return [task["status"] for state in open_states for task in json.loads(
            platform.run("task", "list", "--state", state, "--json"))["tasks"]]
    try:
        wait_until(lambda: not unresolved(), "all tasks to be resolved")
    except Timeout as timeout:
        raise Timeout("%s; one that is not: %s" % (timeout, unresolved()[:1])) from None


def check_data(platform):
    """Ends the server; `troupe check` finds nothing wrong with what it leaves."""
    assert platform.stop() == 0, platform.log()
    checked = subprocess.run([BINARY, "--data", platform.data, "check"], capture_output=True,
                             text=True, timeout=120, env=platform.environment)
    assert checked.returncode == 0, checked.stdout + checked.stderr
