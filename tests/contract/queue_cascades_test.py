"""What is said where one end leads to others: of dependents and groups, in the stated order, and
what happens without a call. Source: spec/events.md, sections 2.2 and 3; spec/queue.md, section 7.5.
The ends that workers report are in queue_messages_test.py."""

import asyncio
import unittest

import rpc
from contract import quoted
from platform_under_test import wait_until
from queue_support import QueueTest, in_hours, slugid
from rpc import Connection, call
from rpc_worker_test import Sink

OBJECT = "/api/object/v1"


class Followed:
    """A task with three behind it that wait for its end: `next` only for that, `in_vain` for its
    completion, `later` for another task, too. All are in groups of their own."""

    def __init__(self, test, **changes):
        self.test = test
        self.task = test.create(**changes)
        other = test.create()
        self.next = test.create(dependencies=[self.task], requires="all-resolved")
        self.in_vain = test.create(dependencies=[self.task])
        self.later = test.create(dependencies=[self.task, other], requires="all-resolved")

    def said(self, position, count, *others):
        """So many messages, or more, of the task, those behind it and others: each with whom it is
        about."""
        return self.test.said(position, count, self.task, self.next, self.in_vain, self.later,
                              *others)

    def check(self, position, wanted):
        self.test.assertEqual(self.said(position, len(wanted)), wanted)

    def ended(self, run=0):
        """What is said of an end that is no deadline's, in its order."""
        return [("task-exception %d" % run, self.task), ("task-pending 0", self.next),
                ("task-group-resolved", self.task)]

    def check_states(self):
        states = [self.test.status(task)["state"] for task in
                  (self.next, self.in_vain, self.later)]
        self.test.assertEqual(states, ["pending", "unscheduled", "unscheduled"])


class Ends(QueueTest):
    def said(self, position, count, *about):
        """Each of them tells its part by itself, a moment later: waits for so many messages."""
        def found():
            said = self.messages(position, *about)
            return said if len(said) >= count else None

        said = wait_until(found, "%d messages about %s" % (count, about))
        return [(repr(one), one.words[1]) for one in said]

    def wait_for_reason(self, task, reason, run=-1):
        def ended():
            runs = self.status(task)["runs"]
            return len(runs) > max(run, 0) and runs[run].get("reasonResolved") == reason

        wait_until(ended, "%s to end as %s" % (task, reason))


class ByCalls(Ends):
    def test_cancel(self):
        behind = Followed(self)
        position = self.now()
        self.post("/task/%s/cancel" % behind.task)
        behind.check(position, behind.ended())
        behind.check_states()
        # A repeat says it again, but nothing of those that it has made runnable.
        position = self.now()
        self.post("/task/%s/cancel" % behind.task)
        behind.check(position, [("task-exception 0", behind.task),
                                ("task-group-resolved", behind.task)])

    def test_cancelled_group(self):
        """Each member with what waits for it outside, and the group after the last."""
        behind = Followed(self)
        running = self.create(taskGroupId=behind.task)
        members = [behind.task, running]
        outside = self.create(dependencies=members, requires="all-resolved")
        by = self.claimed(running)["by"]
        self.post("/task-group/%s/seal" % behind.task)
        position = self.now()
        answer = self.post("/task-group/%s/cancel" % behind.task)
        self.assertEqual(answer["taskIds"], sorted(members))
        said = behind.said(position, 5, running, outside)
        self.assertCountEqual(said, [
            ("task-exception 0", behind.task), ("task-exception 0", running),
            ("task-pending 0", behind.next), ("task-pending 0", outside),
            ("task-group-resolved", behind.task)])
        self.assertEqual(said[-1], ("task-group-resolved", behind.task))
        place = said.index
        for member, follower in ((behind.task, behind.next), (behind.task, outside),
                                 (running, outside)):
            self.assertLess(place(("task-exception 0", member)),
                            place(("task-pending 0", follower)))
        behind.check_states()
        # The worker has lost its run, and the queue knows it.
        self.refused(self.say("POST", "/task/%s/runs/0/reclaim" % running, by=by),
                     "RequestConflict")
        claimed = "/task-queues/%s/claimed" % quoted(self.queue)
        wait_until(lambda: self.get(claimed) == {"tasks": []}, "the claim to be given up")

    def test_whom_an_end_names(self):
        """The worker, if the run ever had one."""
        for state, words in (("unscheduled", ["0", "_", "_"]), ("pending", ["0", "_", "_"]),
                             ("running", ["0", "g", "w"])):
            for whole_group in (False, True):
                needs = [self.create()] if state == "unscheduled" else []
                task = self.create(dependencies=needs, routes=["r"], tags={"k": "v"})
                if state == "running":
                    self.claimed(task)
                self.post("/task-group/%s/seal" % task)
                position = self.now()
                self.post(("/task-group/%s/cancel" if whole_group else "/task/%s/cancel") % task)
                with self.subTest(state=state, whole_group=whole_group):
                    one = self.messages(position, task)[0]
                    self.assertEqual((one.exchange, one.words[2:5], one.cc),
                                     ("task-exception", words, ["route.r"]))
                    worker = {"workerGroup": "g", "workerId": "w"} if state == "running" else {}
                    self.assertEqual(one.payload, {
                        "version": 1, "status": self.status(task), "runId": 0,
                        "task": {"tags": {"k": "v"}}, **worker})

    def test_reports(self):
        """Those behind it in any order, then the group. A report that is made again is told again,
        and so is the group."""
        for what, reason in (("completed", None), ("failed", None),
                             ("exception", "malformed-payload")):
            with self.subTest(what=what):
                behind = Followed(self)
                self.claimed(behind.task)
                position = self.now()
                self.given(self.report(behind.task, what, reason=reason))
                own = ("task-%s 0" % what, behind.task)
                group = ("task-group-resolved", behind.task)
                runnable = [behind.next, behind.in_vain] if what == "completed" else [behind.next]
                first, *others, last = behind.said(position, len(runnable) + 2)
                self.assertEqual((first, last), (own, group))
                self.assertCountEqual(others, [("task-pending 0", task) for task in runnable])
                self.given(self.report(behind.task, what, reason=reason))
                behind.check(position, [own, *others, group, own, group])

    def test_what_was_satisfied_before(self):
        """Such a task is pending at once, and told of like any other."""
        done = self.resolved()
        position = self.now()
        task = self.create(dependencies=[done])
        said = self.messages(position, task)
        self.assertEqual([repr(one) for one in said], ["task-defined", "task-pending 0"])
        self.assertEqual([(one.payload["status"]["state"], len(one.payload["status"]["runs"]))
                          for one in said], [("unscheduled", 0), ("pending", 1)])

    def test_late_members(self):
        """What is past its deadline is left to it by all that others cause."""
        def group(deadline):
            first = self.create()
            return (first, self.create(dependencies=[first], deadline=deadline, taskGroupId=first),
                    self.create(taskGroupId=first, deadline=deadline))

        first, waits, late = self.before(group)
        wait_until(lambda: self.say("POST", "/task/%s/schedule" % waits).status == 409,
                   "the deadline")
        states = [self.status(task) for task in (waits, late)]
        self.claimed(first)
        position = self.now()
        self.given(self.report(first, "completed"))
        changed = self.post("/task-group/%s/priority" % first, {"newPriority": "high"})
        self.assertEqual((changed["tasksAffected"], changed["taskIds"]), (0, []))
        self.post("/task-group/%s/seal" % first)
        cancelled = self.post("/task-group/%s/cancel" % first)
        self.assertEqual(cancelled, {"taskGroupId": first, "taskGroupSize": 3, "cancelledCount": 0,
                                     "taskIds": []})
        self.assertEqual(self.texts(position, first, waits, late), [
            "task-completed 0", "task-group-priority-changed", "task-group-sealed"])
        self.assertEqual([self.status(task) for task in (waits, late)], states)


class ByTime(Ends):
    settings = {**QueueTest.settings, "TROUPE_QUEUE_DEADLINE_DELAY": "200ms",
                "TROUPE_QUEUE_EXPIRATION_DELAY": "0s"}

    def test_deadlines(self):
        """Those behind it and the group come before the task itself, which names no worker."""
        def in_each_state(deadline):
            needs = [self.create()]
            ends = {state: Followed(self, deadline=deadline,
                                    dependencies=needs if state == "unscheduled" else [])
                    for state in ("running", "pending", "unscheduled")}
            self.claimed(ends["running"].task)
            return ends, self.now()

        ends, position = self.before(in_each_state, 2)
        for state, behind in ends.items():
            with self.subTest(state=state):
                self.wait_for_reason(behind.task, "deadline-exceeded")
                behind.check(position, [
                    ("task-pending 0", behind.next), ("task-group-resolved", behind.task),
                    ("task-exception 0", behind.task)])
                last = self.messages(position, behind.task)[-1]
                self.assertEqual(last.words[2:5], ["0", "_", "_"])
                self.assertEqual(last.payload, {
                    "version": 1, "status": self.status(behind.task), "runId": 0,
                    "task": {"tags": {}}})
                behind.check_states()

    def test_an_expiry_is_not_told(self):
        """Neither of tasks with their artifacts nor of workers and their queues."""
        path = "/provisioners/%s-2/worker-types/w" % self.queue.split("/")[0]

        def completed(expires):
            task = self.create(deadline=expires, expires=expires)
            claim = self.claimed(task)
            self.post("/task/%s/runs/0/artifacts/a" % task, {
                "storageType": "link", "artifact": "b", "expires": expires}, by=claim["by"])
            self.given(self.report(task, "completed", by=claim["by"]))
            self.put(path + "/g/d", {"expires": expires})
            return task, self.now()

        task, position = self.before(completed)
        for gone in ("/task/%s/runs/0/artifact-info/a" % task, "/task/" + task,
                     path + "/workers/g/d", path):
            wait_until(lambda gone=gone: self.say("GET", gone).status == 404, gone + " to go")
        self.assertEqual(self.texts(position), [])


class ByExpiredClaims(Ends):
    settings = {**QueueTest.settings, "TROUPE_QUEUE_CLAIM_TIMEOUT": "1s"}

    def test_a_claim_expires(self):
        """With a retry left nobody else is told; the last time those behind it and the group."""
        behind = Followed(self, retries=1)
        task, position = behind.task, self.now()
        self.claimed(task)
        self.wait_for_reason(task, "claim-expired", 0)
        behind.check(position, [
            ("task-running 0", task), ("task-exception 0", task), ("task-pending 1", task)])
        said = self.messages(position, task)
        for one, words in zip(said[1:], (["0", "g", "w"], ["1", "_", "_"]), strict=True):
            self.assertEqual((one.words[2:5], one.payload["status"]["state"]), (words, "pending"))
        position = self.now()
        self.claimed(task, 1)
        self.wait_for_reason(task, "claim-expired", 1)
        behind.check(position, [("task-running 1", task), *behind.ended(1)])
        behind.check_states()


class ByLostWorkers(Ends):
    settings = {**QueueTest.settings, "TROUPE_WORKER_LEASE": "1s"}

    async def hold(self, slots):
        """A worker over RPC that is given so many runs, and is lost with its connection."""
        connection = await Connection.dial(self.server.rpc_port())
        session = await connection.authenticate(self.root.credentials)
        workers, sink = (await call(session.workers())).workers, Sink()
        registered = await call(workers.register(
            info={"taskQueueId": self.queue, "workerGroup": "g", "workerId": "rpc",
                  "capacity": slots, "process": 1}, held=[], sink=sink))
        await call(registered.registration.setWindow(slots=slots, pause=""))
        while len(sink.held) < slots:
            sink.came.clear()
            await asyncio.wait_for(sink.came.wait(), 120)
        self.assertEqual(len(sink.held), slots)

    def test_a_worker_is_lost(self):
        retried = self.create(retries=1, priority="highest")
        final = self.create(retries=0, priority="very-high")
        waits = self.create(dependencies=[final], requires="all-resolved")
        position = self.now()
        rpc.run(self.hold(2))
        for task in (retried, final):
            self.wait_for_reason(task, "worker-shutdown", 0)
        self.assertEqual(self.said(position, 3, retried), [
            ("task-running 0", retried), ("task-exception 0", retried),
            ("task-pending 1", retried)])
        self.assertEqual(self.said(position, 4, final, waits), [
            ("task-running 0", final), ("task-exception 0", final), ("task-pending 0", waits),
            ("task-group-resolved", final)])
        self.assertEqual(self.messages(position, final)[1].words[2:5], ["0", "g", "rpc"])


class Objects(QueueTest):
    def test_finished(self):
        """Nothing at its creation; then with each finishArtifact, the repeated too."""
        task = self.create(routes=["r"])
        claim = self.claimed(task)
        path = "/task/%s/runs/0/artifacts/public/o" % task
        position = self.now()
        made = self.post(path, {"storageType": "object", "contentType": "text/x",
                                "contentLength": 5, "expires": in_hours(0.5)}, by=claim["by"])
        uploads = self.root.called(made["credentials"])
        name, upload = quoted(made["name"]), {"projectId": made["projectId"],
                                              "uploadId": made["uploadId"]}
        inline = {"contentType": "text/x", "objectData": "aGVsbG8="}
        self.given(uploads.put("/upload/" + name, {
            **upload, "expires": made["expires"],
            "proposedUploadMethods": {"dataInline": inline}}, api=OBJECT))
        self.given(uploads.post("/finish-upload/" + name, upload, api=OBJECT))
        self.refused(self.say("PUT", path, {"uploadId": slugid()}, by=claim["by"]), "InputError")
        self.assertEqual(self.texts(position, task), [])
        for _ in range(2):
            self.assertEqual(self.say("PUT", path, {"uploadId": made["uploadId"]},
                                      by=claim["by"]).status, 204)
        said = self.messages(position, task)
        self.assertEqual([repr(one) for one in said], ["artifact-created 0"] * 2)
        for one in said:
            self.assertEqual((one.words[2:5], one.cc), (["0", "g", "w"], ["route.r"]))
            self.assertEqual(one.payload["artifact"], {
                "storageType": "object", "name": "public/o", "contentType": "text/x",
                "expires": made["expires"]})
            self.assertEqual((one.payload["workerGroup"], one.payload["workerId"]), ("g", "w"))
            self.assertEqual(one.payload["status"], self.status(task))


if __name__ == "__main__":
    unittest.main()
