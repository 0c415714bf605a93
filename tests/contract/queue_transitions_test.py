"""The state machine of a task as a table: what each call does to a task in each state, and what
is said of it. Source: spec/queue.md, sections 3.1 to 3.4 and 8; spec/events.md, section 3."""

import unittest

import answers
from platform_under_test import wait_until
from queue_support import QueueTest, in_hours, slugid

STATES = ("unscheduled", "pending", "running", "completed", "failed", "canceled", "malformed")
GROUP_MESSAGES = ("task-group-resolved",)
ARTIFACT = {"storageType": "reference", "contentType": "text/plain", "url": "https://example.com/x"}

# Call: for each state in the order of STATES what is answered, the state afterwards (`=`: as it
# was) and the messages about the task.
TABLE = {
    "create the same": [
        "200 = task-defined", "200 = task-defined, task-pending 0", "200 = task-defined",
        "200 = task-defined", "200 = task-defined", "200 = task-defined", "200 = task-defined"],
    "create another": ["409 ="] * 7,
    "schedule": ["200 pending task-pending 0"] + ["200 ="] * 6,
    "rerun": [
        "200 pending task-pending 0", "200 = task-pending 0", "200 =",
        "200 pending task-pending 1", "200 pending task-pending 1", "200 pending task-pending 1",
        "200 pending task-pending 1"],
    "cancel": [
        "200 exception task-exception 0", "200 exception task-exception 0",
        "200 exception task-exception 0", "200 =", "200 =", "200 = task-exception 0", "200 ="],
    "cancel the group": [
        "200 exception task-exception 0", "200 exception task-exception 0",
        "200 exception task-exception 0", "200 =", "200 =", "200 =", "200 ="],
    "claim": [
        "404 =", "200 running task-running 0", "200 = task-running 0", "409 =", "409 =", "409 =",
        "409 ="],
    "claim as another worker": [
        "404 =", "200 running task-running 0", "409 =", "409 =", "409 =", "409 =", "409 ="],
    "claim work": [
        "none =", "200 running task-running 0", "none =", "none =", "none =", "none =", "none ="],
    "reclaim": ["404 =", "409 =", "200 =", "409 =", "409 =", "409 =", "409 ="],
    "report completed": [
        "404 =", "409 =", "200 completed task-completed 0", "200 = task-completed 0", "409 =",
        "409 =", "409 ="],
    "report failed": [
        "404 =", "409 =", "200 failed task-failed 0", "409 =", "200 = task-failed 0", "409 =",
        "409 ="],
    "report malformed-payload": [
        "404 =", "409 =", "200 exception task-exception 0", "409 =", "409 =", "409 =",
        "200 = task-exception 0"],
    "report worker-shutdown": [
        "404 =", "409 =", "200 pending task-exception 0, task-pending 1", "409 =", "409 =",
        "409 =", "409 ="],
    "change the priority": [
        "200 = task-priority-changed", "200 = task-priority-changed",
        "200 = task-priority-changed", "409 =", "409 =", "409 =", "409 ="],
    "change the priority to the same": ["409 ="] * 7,
    "create an artifact": [
        "400 =", "400 =", "200 = artifact-created 0", "409 =", "409 =", "400 =",
        "200 = artifact-created 0"],
}


class Transitions(QueueTest):
    def setUp(self):
        super().setUp()
        self.sibling = self.create()  # never resolved: the group's own messages stay away

    def task_in(self, state):
        """A new task, in the state that a word of STATES names."""
        self.body = self.definition(taskGroupId=self.sibling, priority="low")
        if state == "unscheduled":
            self.body["dependencies"] = [self.sibling]
        task = self.create(**self.body)
        if state == "canceled":
            self.post("/task/%s/cancel" % task)
        elif state not in ("unscheduled", "pending"):
            self.claimed(task)
        if state in ("completed", "failed"):
            self.given(self.report(task, state))
        elif state == "malformed":
            self.given(self.report(task, "exception", reason="malformed-payload"))
        return task

    def do(self, call, task):
        """Says one of TABLE's calls."""
        if call.startswith("create the same"):
            return self.say("PUT", "/task/" + task, self.body)
        if call == "create another":
            return self.say("PUT", "/task/" + task, {**self.body, "retries": 7})
        if call in ("schedule", "rerun", "cancel"):
            return self.say("POST", "/task/%s/%s" % (task, call))
        if call == "cancel the group":
            group, self.sibling = self.sibling, self.create()  # the old one lets nobody in any more
            self.post("/task-group/%s/seal" % group)
            return self.say("POST", "/task-group/%s/cancel" % group)
        if call.startswith("claim work"):
            return self.claim_work()
        if call.startswith("claim"):
            return self.claim_task(task, worker="other" if "another" in call else "w")
        if call == "reclaim":
            return self.say("POST", "/task/%s/runs/0/reclaim" % task)
        if call in ("report completed", "report failed"):
            return self.report(task, call.split()[1])
        if call.startswith("report"):
            return self.report(task, "exception", reason=call.split()[1])
        if call.startswith("change"):
            return self.say("POST", "/task/%s/priority" % task,
                            {"newPriority": "low" if "same" in call else "high"})
        return self.say("POST", "/task/%s/runs/0/artifacts/public/a" % task,
                        {**ARTIFACT, "expires": in_hours(1)})

    def check(self, call, state, wanted):
        task = self.task_in(state)
        if call == "claim work":
            self.post("/task/%s/cancel" % self.sibling)  # else it would be the one
        before, position = self.status(task), self.now()
        answer = self.do(call, task)
        messages = [one for one in self.texts(position, task) if one not in GROUP_MESSAGES]
        after = self.status(task)
        status, _, rest = wanted.partition(" ")
        new_state, _, said = rest.partition(" ")
        if status == "none":
            status = "200"
            self.assertEqual(answer.json, {"tasks": []})
        self.assertEqual(str(answer.status), status, answer)
        self.assertEqual(messages, said.split(", ") if said else [])
        self.assertEqual(after["state"], before["state"] if new_state == "=" else new_state)
        if status != "200":
            self.assertEqual(after, before)
            self.assertEqual(answer.status, answers.STATUS[answer.json["code"]])

    def row(self, call):
        for state, wanted in zip(STATES, TABLE[call], strict=True):
            with self.subTest(call=call, state=state):
                self.check(call, state, wanted)

    # -- what the table leaves out

    def test_runs_of_transitions(self):
        """What is written: 3.1."""
        task = self.create(retries=3)
        run = self.status(task)["runs"][0]
        self.assertEqual(set(run), {"runId", "state", "reasonCreated", "scheduled"})
        self.assertEqual(run["reasonCreated"], "scheduled")
        self.claimed(task)
        run = self.status(task)["runs"][0]
        self.assertLessEqual({"workerGroup", "workerId", "takenUntil", "started"}, set(run))
        self.given(self.report(task, "exception", reason="worker-shutdown"))
        status = self.status(task)
        self.assertEqual((status["state"], status["retriesLeft"]), ("pending", 2))
        first, second = status["runs"]
        self.assertEqual((first["state"], first["reasonResolved"], first["workerId"]),
                         ("exception", "worker-shutdown", "w"))
        self.assertIn("resolved", first)
        self.assertEqual(second["reasonCreated"], "retry")
        rerun = self.post("/task/%s/cancel" % task) and self.post("/task/%s/rerun" % task)["status"]
        self.assertEqual((rerun["retriesLeft"], rerun["runs"][2]["reasonCreated"]), (3, "rerun"))

    def test_cancelled_without_a_run(self):
        task = self.task_in("unscheduled")
        run, = self.post("/task/%s/cancel" % task)["status"]["runs"]
        self.assertEqual({key: run[key] for key in ("state", "reasonCreated", "reasonResolved")},
                         {"state": "exception", "reasonCreated": "exception",
                          "reasonResolved": "canceled"})
        self.assertEqual(set(run), {"runId", "state", "reasonCreated", "reasonResolved",
                                    "scheduled", "resolved"})

    def test_rerun_of_an_unscheduled_task(self):
        status = self.post("/task/%s/rerun" % self.task_in("unscheduled"))["status"]
        self.assertEqual([run["reasonCreated"] for run in status["runs"]], ["rerun"])

    def test_retries(self):
        """Which reasons lead to another run, as long as any are left: 3.2."""
        for reason, created in (("worker-shutdown", "retry"), ("intermittent-task", "task-retry")):
            with self.subTest(reason=reason):
                task = self.resolved("exception", reason=reason, retries=1)
                self.assertEqual([run["reasonCreated"] for run in self.status(task)["runs"]],
                                 ["scheduled", created])
                self.claimed(task, 1)
                self.given(self.report(task, "exception", 1, reason=reason))
                status = self.status(task)
                self.assertEqual((status["state"], len(status["runs"]), status["retriesLeft"]),
                                 ("exception", 2, 0))
        for reason in ("malformed-payload", "resource-unavailable", "internal-error"):
            with self.subTest(reason=reason):
                status = self.status(self.resolved("exception", reason=reason))
                self.assertEqual((status["state"], len(status["runs"])), ("exception", 1))
        for what in ("completed", "failed"):
            self.assertEqual(len(self.status(self.resolved(what))["runs"]), 1)

    def test_reports_of_an_older_run(self):
        """Only reportException with the reason that it had: 3.3."""
        task = self.create()
        first = self.claimed(task)
        self.given(self.report(task, "exception", by=first["by"], reason="worker-shutdown"))
        for claimed in (False, True):
            if claimed:
                self.claimed(task, 1)
            position = self.now()
            self.given(self.report(task, "exception", reason="worker-shutdown"))
            messages = self.texts(position, task)
            self.assertEqual(messages[0], "task-exception 0")
            self.assertEqual(messages[1:], [] if claimed else ["task-pending 1"])
            for what, reason in (("completed", None), ("failed", None),
                                 ("exception", "internal-error")):
                self.refused(self.report(task, what, reason=reason), "RequestConflict")
        self.refused(self.say("POST", "/task/%s/runs/0/reclaim" % task), "RequestConflict")
        self.refused(self.claim_task(task, 0), "RequestConflict")
        self.assertEqual(self.status(task)["state"], "running")

    def test_legacy_report(self):
        """A body that says no success makes it a failure: 8."""
        task = self.create()
        self.claimed(task)
        answer = self.say("POST", "/task/%s/runs/0/completed" % task, {"success": False})
        self.assertEqual(self.given(answer)["status"]["state"], "failed")

    def test_fifty_runs(self):
        task = self.create(retries=49)
        for run in range(49):
            self.post("/task/%s/cancel" % task)
            status = self.post("/task/%s/rerun" % task)["status"]
            self.assertEqual(status["retriesLeft"], min(49, 50 - (run + 2)))
        self.post("/task/%s/cancel" % task)
        self.refused(self.say("POST", "/task/%s/rerun" % task), "RequestConflict")
        self.assertEqual(len(self.status(task)["runs"]), 50)

    def test_unknown(self):
        """Of tasks and runs: the second column of the method table."""
        task, known = slugid(), self.create()
        for path in ("schedule", "rerun", "cancel", "priority", "runs/0/claim", "runs/0/reclaim",
                     "runs/0/completed", "runs/0/failed", "runs/0/exception"):
            body = {"priority": {"newPriority": "low"}, "claim": {"workerGroup": "g",
                    "workerId": "w"}, "exception": {"reason": "internal-error"}}
            with self.subTest(path=path):
                said = body.get(path.split("/")[-1])
                self.refused(self.say("POST", "/task/%s/%s" % (task, path), said),
                             "ResourceNotFound")
                if "runs" in path:
                    other = path.replace("0", "7")
                    self.refused(self.say("POST", "/task/%s/%s" % (known, other), said),
                                 "ResourceNotFound")
        for path in ("", "/status", "/dependents", "/artifacts"):
            self.refused(self.say("GET", "/task/" + task + path), "ResourceNotFound")


def _test_of(call):
    return lambda self: self.row(call)


for _call in TABLE:
    setattr(Transitions, "test_" + _call.replace(" ", "_").replace("-", "_"), _test_of(_call))


class ByTimers(QueueTest):
    """What happens without a call: 3.4."""

    settings = {**QueueTest.settings, "TROUPE_QUEUE_CLAIM_TIMEOUT": "2s",
                "TROUPE_QUEUE_DEADLINE_DELAY": "500ms"}

    def test_a_claim_expires(self):
        task = self.create(retries=1)
        position = self.now()
        self.claimed(task)
        self.wait_for_state(task, "pending")
        status = self.status(task)
        self.assertEqual([run.get("reasonResolved") for run in status["runs"]],
                         ["claim-expired", None])
        self.assertEqual(status["runs"][1]["reasonCreated"], "retry")
        self.assertEqual(self.texts(position, task),
                         ["task-running 0", "task-exception 0", "task-pending 1"])
        self.assertEqual(self.claims(), [task])
        self.wait_for_state(task, "exception")
        self.assertEqual(self.status(task)["runs"][1]["reasonResolved"], "claim-expired")
        self.assertEqual(self.texts(position, task)[3:],
                         ["task-running 1", "task-exception 1", "task-group-resolved"])

    def test_a_renewed_claim_lives(self):
        def claimed_twice(_):
            task = self.create()
            claim = self.claimed(task)
            renewed = self.post("/task/%s/runs/0/reclaim" % task, by=claim["by"])
            self.assertGreater(renewed["takenUntil"], claim["takenUntil"])
            return task, renewed

        task, renewed = self.before(claimed_twice, 2)
        self.wait_for_state(task, "pending")
        run = self.status(task)["runs"][0]
        self.assertEqual(run["takenUntil"], renewed["takenUntil"])
        self.assertGreaterEqual(run["resolved"], renewed["takenUntil"])


class ByDeadlines(QueueTest):
    """The rest of what happens without a call: 3.4."""

    settings = {**QueueTest.settings, "TROUPE_QUEUE_DEADLINE_DELAY": "500ms"}

    def in_each_state(self, deadline):
        """A task in each state that has not ended, by state, and a position before any ends."""
        blocker = self.create()
        tasks = {state: self.create(deadline=deadline, dependencies=[blocker] if
                                    state == "unscheduled" else [], routes=["r." + state])
                 for state in ("unscheduled", "pending", "running")}
        position = self.now()
        self.claimed(tasks["running"])
        return tasks, position

    def test_deadlines(self):
        tasks, position = self.before(self.in_each_state)
        for state, task in tasks.items():
            with self.subTest(state=state):
                self.wait_for_state(task, "exception")
                run = self.status(task)["runs"][-1]
                self.assertEqual(run["reasonResolved"], "deadline-exceeded")
                self.assertEqual(run["reasonCreated"],
                                 "exception" if state == "unscheduled" else "scheduled")
                said = [one for one in self.messages(position, task)
                        if one.exchange in ("task-exception", "task-group-resolved")]
                # After the dependents and the group.
                self.assertEqual([repr(one) for one in said],
                                 ["task-group-resolved", "task-exception 0"])
                self.assertEqual(said[1].words[2:5], ["0", "_", "_"])
                self.assertFalse({"workerGroup", "workerId"} & set(said[1].payload))
                self.assertEqual(said[1].cc, ["route.r." + state])
                for call in ("schedule", "rerun", "cancel"):
                    self.refused(self.say("POST", "/task/%s/%s" % (task, call)), "RequestConflict")
                self.refused(self.say("POST", "/task/%s/priority" % task, {"newPriority": "high"}),
                             "RequestConflict")
                self.refused(self.claim_task(task), "RequestConflict")
                self.refused(self.say("POST", "/task/%s/runs/0/reclaim" % task), "RequestConflict")

    def test_past_deadline(self):
        """Even of tasks that ended before: 3.3."""
        task = self.before(lambda deadline: self.resolved(deadline=deadline))
        wait_until(lambda: self.say("POST", "/task/%s/schedule" % task).status == 409,
                   "the deadline to be noticed")
        for call in ("rerun", "cancel"):
            self.refused(self.say("POST", "/task/%s/%s" % (task, call)), "RequestConflict")
        self.given(self.report(task, "completed"))


if __name__ == "__main__":
    unittest.main()
