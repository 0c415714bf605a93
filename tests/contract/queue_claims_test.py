"""Claims over HTTP: claimWork and claimTask, their credentials, order, priorities and quarantine.
Source: spec/queue.md, sections 6, 7 and 10.3."""

import http.client
import json
import resource
import select
import socket
import threading
import time
import unittest

import hawk
from contract import quoted
from platform_under_test import wait_until
from queue_support import QUEUE, QueueTest, in_hours, in_seconds

WAIT_SECONDS = 0.5  # QueueTest's settings
CLAIM_SECONDS = 1200


class Waiting:
    """claimWork in the background, over a connection of its own."""

    def __init__(self, test, **how):
        self.answer = None
        self.caller = test.root.called(test.root.credentials)
        self.thread = threading.Thread(target=self._ask, args=(test, how))
        self.thread.start()

    def _ask(self, test, how):
        self.answer = test.claim_work(by=self.caller, **how)

    def tasks(self):
        self.thread.join(30)
        return [claim["status"]["taskId"] for claim in self.answer.json["tasks"]]


class Claims(QueueTest):
    def test_a_claim(self):
        task = self.create(scopes=["a:b", "queue:reclaim-task:x"], payload={"x": [1, 2.5, None]})
        before = time.time()
        claim, = self.given(self.claim_work())["tasks"]
        self.assertEqual(claim["status"], self.status(task))
        self.assertEqual(claim["task"], self.get("/task/" + task))
        self.assertEqual((claim["runId"], claim["workerGroup"], claim["workerId"]), (0, "g", "w"))
        run = claim["status"]["runs"][0]
        until = hawk.time_ms(claim["takenUntil"])
        self.assertEqual((run["state"], hawk.time_ms(run["takenUntil"])), ("running", until))
        self.assertAlmostEqual(until / 1000, before + CLAIM_SECONDS, delta=30)
        given = claim["credentials"]
        self.assertEqual(given["clientId"].rpartition("/")[0],
                         "task-client/%s/0/on/g/w/until" % task)
        self.assertEqual(round(float(given["clientId"].rpartition("/")[2]) * 1000), until)
        certificate = json.loads(given["certificate"])
        self.assertEqual(certificate["expiry"], until)
        self.assertTrue(certificate["issuer"])
        self.assertEqual(certificate["scopes"], [
            "queue:reclaim-task:%s/0" % task, "queue:resolve-task:%s/0" % task,
            "queue:create-artifact:%s/0" % task, "a:b", "queue:reclaim-task:x"])

    def test_what_credentials_are_good_for(self):
        task, other = self.create(scopes=["queue:get-task:*"]), self.create()
        by = self.claimed(task)["by"]
        self.claimed(other)
        self.get("/task/" + task, by=by)
        for path in ("/reclaim", "/completed", "/failed"):
            self.refused(self.say("POST", "/task/%s/runs/0%s" % (other, path), by=by),
                         "InsufficientScopes")
        renewed = self.post("/task/%s/runs/0/reclaim" % task, by=by)
        self.assertEqual(set(renewed), {"status", "runId", "workerGroup", "workerId", "takenUntil",
                                        "credentials"})
        again = self.root.called(renewed["credentials"])
        # Earlier ones go on being good.
        self.post("/task/%s/runs/0/reclaim" % task, by=by)
        self.given(self.report(task, "completed", by=again))
        self.given(self.report(task, "completed", by=by))
        self.refused(self.say("POST", "/task/%s/runs/0/reclaim" % task, by=by), "RequestConflict")

    def test_order(self):
        """Rank first, then who became pending first; a retry goes behind."""
        ranks = ("lowest", "very-low", "low", "medium", "high", "very-high", "highest")
        tasks = [(rank, self.create(priority=rank)) for _ in range(2) for rank in ranks]
        wanted = [task for rank in reversed(ranks) for r, task in tasks if r == rank]
        pending = self.get("/task-queues/%s/pending" % quoted(self.queue))["tasks"]
        self.assertEqual([one["taskId"] for one in pending], [task for _, task in tasks])
        self.assertEqual(self.claims(tasks=2), wanted[:2])
        self.given(self.report(wanted[0], "exception", reason="worker-shutdown"))
        late = self.create(priority="highest")
        self.assertEqual(self.claims(tasks=2), [wanted[0], late])
        self.assertEqual(self.claims(tasks=32), wanted[2:])

    def test_priorities(self):
        """A task that is moved keeps its age."""
        old, young, urgent = (self.create() for _ in range(3))
        self.post("/task/%s/priority" % urgent, {"newPriority": "high"})
        self.post("/task/%s/priority" % young, {"newPriority": "high"})
        self.post("/task/%s/priority" % old, {"newPriority": "high"})
        self.assertEqual(self.claims(tasks=3), [old, young, urgent])
        moved = self.post("/task/%s/priority" % old, {"newPriority": "low"})["status"]
        self.assertEqual((moved["priority"], moved["state"]), ("low", "running"))
        self.assertEqual(self.get("/task/" + old)["priority"], "low")
        self.create(priority="medium")
        self.given(self.report(old, "exception", reason="worker-shutdown"))
        self.assertEqual(self.claims(tasks=2)[1], old)

    def test_priority_of_what_ended_once(self):
        task = self.resolved()
        self.post("/task/%s/rerun" % task)
        self.refused(self.say("POST", "/task/%s/priority" % task, {"newPriority": "high"}),
                     "RequestConflict")

    def test_priorities_of_a_group(self):
        group = self.create()
        others = [self.create(taskGroupId=group) for _ in range(3)]
        ended = self.create(taskGroupId=group)
        self.post("/task/%s/cancel" % ended)
        already = self.create(taskGroupId=group, priority="high")
        answer = self.post("/task-group/%s/priority" % group, {"newPriority": "high"})
        self.assertEqual(answer, {"taskGroupId": group, "schedulerId": "-", "newPriority": "high",
                                  "tasksAffected": 4, "taskIds": sorted([group, *others])})
        self.assertEqual(self.claims(tasks=32), [group, *others, already])

    def test_limits_of_a_call(self):
        for body in ({"workerGroup": "g"}, {"workerId": "w"}, {"workerGroup": "g", "workerId": ""},
                     {"workerGroup": "g g", "workerId": "w"},
                     {"workerGroup": "g", "workerId": "w", "tasks": 0},
                     {"workerGroup": "g", "workerId": "w", "tasks": 33},
                     {"workerGroup": "g", "workerId": "w", "more": 1}):
            with self.subTest(body=body):
                self.refused(self.say("POST", "/claim-work/" + quoted(self.queue), body),
                             "InputValidationError")
        self.refused(self.say("POST", "/claim-work/none", {"workerGroup": "g", "workerId": "w"}),
                     "InvalidRequestArguments")
        self.create()
        # `tasks` is 1 if left out; a raw slash is the same as an escaped one.
        self.create()
        answer = self.post("/claim-work/" + self.queue, {"workerGroup": "g", "workerId": "w"})
        self.assertEqual(len(answer["tasks"]), 1)

    def test_authorization(self):
        scopes = ["queue:claim-work:" + self.queue, "queue:worker-id:g/w"]
        self.create()
        for missing in scopes:
            by = self.caller(*(s for s in scopes if s != missing))
            self.refused(self.claim_work(by=by), "InsufficientScopes")
        self.assertEqual(len(self.given(self.claim_work(by=self.caller(*scopes)))["tasks"]), 1)
        task = self.create()
        scopes = ["queue:claim-task:" + self.queue, "queue:worker-id:g/w"]
        for missing in scopes:
            by = self.caller(*(s for s in scopes if s != missing))
            self.refused(self.claim_task(task, by=by), "InsufficientScopes")
        self.given(self.claim_task(task, by=self.caller(*scopes)))

    def test_nothing_to_do(self):
        began = time.monotonic()
        self.assertEqual(self.claims(), [])
        self.assertGreaterEqual(time.monotonic() - began, WAIT_SECONDS)

    def test_a_task_that_comes_while_one_waits(self):
        waiting = Waiting(self)
        wait_until(lambda: self.say("GET", "/task-queues/" + quoted(self.queue)).status == 200,
                   "the waiting worker to be seen")
        task = self.create()
        self.assertEqual(waiting.tasks(), [task])

    def test_a_client_that_goes_away(self):
        """What it would have got goes to the next."""
        host, port = self.root.host, self.root.port
        connection = http.client.HTTPConnection(host, port, timeout=120)
        target = QUEUE + "/claim-work/" + quoted(self.queue)
        connection.request("POST", target, json.dumps({"workerGroup": "g", "workerId": "gone"}),
                           {"Content-Type": "application/json", "Authorization": hawk.header(
                               self.root.credentials, "POST", target, host, port)})
        wait_until(lambda: self.say("GET", "/task-queues/" + quoted(self.queue)).status == 200,
                   "the waiting worker to be seen")
        connection.sock.shutdown(socket.SHUT_RDWR)
        connection.close()
        task = self.create(retries=1)

        def handed_out():
            return [claim["status"]["taskId"] for claim in
                    self.given(self.claim_work(worker="next"))["tasks"]] == [task]

        wait_until(handed_out, "the task to be claimed by another")

    def test_claim_task(self):
        task = self.create()
        first = self.claimed(task)
        self.assertEqual(self.claims(), [])
        again = self.given(self.claim_task(task))
        self.assertEqual(again["takenUntil"], first["takenUntil"])
        self.assertEqual(again["status"], first["status"])
        self.refused(self.claim_task(task, worker="other"), "RequestConflict")
        # What claimWork gave is not claimTask's to repeat.
        other = self.create()
        self.assertEqual(self.claims(), [other])
        self.refused(self.claim_task(other), "RequestConflict")
        for body in ({}, {"workerGroup": "g"}, {"workerGroup": "g", "workerId": "w", "tasks": 1}):
            self.refused(self.say("POST", "/task/%s/runs/0/claim" % task, body),
                         "InputValidationError")
        self.refused(self.say("POST", "/task/%s/runs/x/claim" % task,
                              {"workerGroup": "g", "workerId": "w"}), "InvalidRequestArguments")

    def worker_path(self, worker):
        return "/provisioners/%s/worker-types/%s/workers/g/%s" % (*self.queue.split("/"), worker)

    def test_quarantine(self):
        running = self.create()
        self.assertEqual(self.claims(worker="ill"), [running])
        path = self.worker_path("ill")
        until = in_hours(1)
        changed = self.put(path, {"quarantineUntil": until, "quarantineInfo": "looks ill"})
        self.assertEqual(changed["quarantineUntil"], until)
        self.assertEqual(self.get(path), changed)
        task = self.create()
        self.assertEqual(self.claims(worker="ill"), [])
        self.refused(self.claim_task(task, worker="ill"), "RequestConflict")
        # What it has goes on.
        self.post("/task/%s/runs/0/reclaim" % running)
        self.given(self.report(running, "completed"))
        listed = self.worker_path("")[:-len("/g/")]
        for query, found in (("true", ["ill"]), ("false", [])):
            page = self.get(listed + "?quarantined=" + query)
            self.assertEqual([one["workerId"] for one in page["workers"]], found)
        self.assertEqual(self.claims(worker="well"), [task])
        for past in (in_seconds(-1), "1970-01-01T00:00:00.000Z"):
            self.put(path, {"quarantineUntil": in_hours(1)})
            self.put(path, {"quarantineUntil": past})
            last = self.create()
            self.assertEqual(self.claims(worker="ill"), [last])

    def test_a_quarantine_ends(self):
        self.claims(worker="ill")
        self.put(self.worker_path("ill"), {"quarantineUntil": in_seconds(1)})
        task = self.create()
        wait_until(lambda: self.claims(worker="ill") == [task], "the quarantine to end")

    def test_refused_quarantines(self):
        self.refused(self.say("PUT", self.worker_path("none"), {"quarantineUntil": in_hours(1)}),
                     "ResourceNotFound")
        for body in ({}, {"quarantineUntil": "soon"},
                     {"quarantineUntil": in_hours(1), "quarantineInfo": "x" * 4001}):
            self.refused(self.say("PUT", self.worker_path("none"), body), "InputValidationError")

    def test_concurrency(self):
        """Tasks that a limit holds back are pending, and block nobody else."""
        limited = [self.create(extra={"concurrency": {"key": "k", "limit": 1}}) for _ in range(2)]
        free = self.create()
        counts = self.get("/task-queues/%s/counts" % quoted(self.queue))
        self.assertEqual(counts["pendingTasks"], 3)
        self.assertEqual(self.claims(tasks=3), [limited[0], free])
        self.assertEqual(self.claims(), [])
        why = self.given(self.events_caller.get("/explain/" + limited[1], api="/api/troupe/v1"))
        self.assertEqual(why["code"], "concurrency")
        self.given(self.report(limited[0], "completed"))
        wait_until(lambda: self.claims() == [limited[1]], "the limit to let go")

    def explained(self, subject):
        return self.given(self.events_caller.get("/explain/" + subject, api="/api/troupe/v1"))

    def wait_for_words(self, subject, code, message):
        def said():
            told = self.explained(subject)
            return (told["code"], told["message"]) == (code, message)

        wait_until(said, "%s: %s" % (subject, message))

    def test_explain_knows_workers_over_http(self):
        by_work, by_name, waiting = (self.create() for _ in range(3))
        self.assertEqual(self.explained(waiting)["code"], "no-worker")
        self.assertEqual(self.claims(), [by_work])
        self.claimed(by_name)
        for task in (by_work, by_name):
            told = self.explained(task)
            self.assertEqual(told["code"], "", told)
            self.assertRegex(told["message"], "^running on g/w for ")
        # What the worker holds is written down by itself, a moment later.
        self.wait_for_words(self.queue + "/g/w", "", "asks over HTTP, runs 2")
        self.wait_for_words(waiting, "workers-busy", "0 ahead, 1 worker busy")
        self.assertEqual(self.explained(waiting)["workers"], 1)
        for task in (by_work, by_name):
            self.given(self.report(task, "completed"))
        self.wait_for_words(waiting, "", "about to start")

    def test_explain_knows_quarantine(self):
        self.claims(worker="ill")
        self.put(self.worker_path("ill"), {"quarantineUntil": in_hours(1),
                                           "quarantineInfo": "its disk is full"})
        task = self.create()
        for subject in (task, self.queue, self.queue + "/g/ill"):
            told = self.explained(subject)
            self.assertEqual(told["code"], "workers-paused", told)
            self.assertRegex(told["message"], "in quarantine until .*: its disk is full")
            self.assertNotIn("predictedStart", told)
        self.put(self.worker_path("ill"), {"quarantineUntil": in_seconds(-1)})
        self.assertEqual(self.explained(task)["code"], "")

    def test_explain_counts_what_blocks(self):
        needs = sorted(self.create() for _ in range(40))
        task = self.create(dependencies=needs)
        told = self.explained(task)
        self.assertEqual((told["code"], len(told["blockers"])), ("blocked", 20))
        self.assertRegex(told["message"], " and 35 more")
        self.claimed(needs[-1])
        self.given(self.report(needs[-1], "failed"))
        self.assertEqual(self.explained(task)["code"], "blocked-by-failure")


class ManyWaiting(QueueTest):
    settings = {"TROUPE_QUEUE_CLAIM_WORK_TIMEOUT": "60s"}

    def waiting(self, count):
        """Connections on which so many workers ask for work that there is none of."""
        path = "%s/claim-work/%s" % (QUEUE, quoted(self.queue))
        where = (self.root.host, self.root.port)
        body = b'{"workerGroup": "g", "workerId": "w"}'
        peers = []
        for _ in range(count):
            peers.append(socket.create_connection(where))
            self.addCleanup(peers[-1].close)
            signed = hawk.header(self.root.credentials, "POST", path, *where)
            peers[-1].sendall(("POST %s HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: %s\r\n"
                               "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (
                                   path, *where, signed, len(body))).encode() + body)
        return peers

    @staticmethod
    def readable(peers):
        poll = select.poll()  # select takes no descriptor beyond 1,023
        for peer in peers:
            poll.register(peer, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(1000)}
        return [peer for peer in peers if peer.fileno() in ready]

    def test_idle_workers_keep_nobody_out(self):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        peers = self.waiting(1200)
        task = self.create()
        told = wait_until(lambda: self.readable(peers), "a worker to be told")
        answer = told[0].recv(65536)
        self.assertIn(b" 200 ", answer)
        self.assertIn(task.encode(), answer)
        self.assertEqual(self.status(task)["state"], "running")
        for peer in peers:
            if peer is not told[0]:
                peer.setblocking(False)
                self.assertRaises(BlockingIOError, peer.recv, 1)


if __name__ == "__main__":
    unittest.main()
