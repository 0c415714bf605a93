"""What tests of the queue share: tasks in each state, claims with their credentials, and the
messages that calls cause."""

import base64
import datetime
import functools
import uuid

import schemas
from contract import ContractTest, quoted
from platform_under_test import wait_until

QUEUE = "/api/queue/v1"
TROUPE = "/api/troupe/v1"
EXCHANGES = "exchange/taskcluster-queue/v1/"


def slugid():
    made = bytearray(uuid.uuid4().bytes)
    made[0] &= 0x7f  # no leading dash
    return base64.urlsafe_b64encode(bytes(made)).rstrip(b"=").decode()


def in_seconds(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (moment.microsecond // 1000)


def in_hours(hours):
    return in_seconds(3600 * hours)


def definition(queue="proj-test/none", **changes):
    return {"taskQueueId": queue, "created": in_hours(0), "deadline": in_hours(1),
            "payload": {"command": [["true"]], "maxRunTime": 60},
            "metadata": {"name": "n", "description": "d", "owner": "o@example.com",
                         "source": "https://example.com"}, **changes}


def rpc_definition(queue, **changes):
    """The same as RPC has it."""
    now = round(datetime.datetime.now(datetime.timezone.utc).timestamp() * 1000)
    return {"taskQueueId": queue, "created": now, "deadline": now + 3_600_000,
            "payload": '{"command":[["true"]],"maxRunTime":60}',
            "metadata": definition()["metadata"], **changes}


@functools.lru_cache(None)
def message_schemas():
    """Of the queue's messages, by exchange."""
    reference = schemas.read_json("references", "queue", "v1", "exchanges.json")
    return {EXCHANGES + entry["exchange"]: "/schemas/queue/" + entry["schema"]
            for entry in reference["entries"]}


class Message:
    """An entry of the event log, which keeps to the schema of its exchange."""

    def __init__(self, event):
        self.exchange = event["exchange"].removeprefix(EXCHANGES)
        self.key = event["routingKey"]
        self.words = self.key.split(".")
        self.cc = event["cc"]
        self.payload = event["payload"]
        if event["exchange"] in message_schemas():
            faults = schemas.problems(self.payload, message_schemas()[event["exchange"]])
            if faults:
                raise AssertionError("%s: %s" % (event, faults))

    def __repr__(self):
        """`task-pending 0`: with the run, if it is about one."""
        run = self.payload.get("runId")
        return self.exchange if run is None else "%s %d" % (self.exchange, run)


class QueueTest(ContractTest):
    """`self.queue` is unlike that of all other tests."""

    settings = {"TROUPE_QUEUE_CLAIM_WORK_TIMEOUT": "500ms"}
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.events_caller = cls.root

    def setUp(self):
        self.queue = "proj-%s/w" % slugid()[:12].replace("_", "-")

    # -- calls

    def say(self, verb, path, body=None, by=None, **how):
        return (by or self.root).call(verb, path, body=body, api=QUEUE, **how)

    def get(self, path, **how):
        return self.given(self.say("GET", path, **how))

    def post(self, path, body=None, **how):
        return self.given(self.say("POST", path, body, **how))

    def put(self, path, body, **how):
        return self.given(self.say("PUT", path, body, **how))

    # -- tasks

    def definition(self, **changes):
        return definition(self.queue, **changes)

    def create(self, task=None, **changes):
        task = task or slugid()
        self.put("/task/" + task, self.definition(**changes))
        return task

    def before(self, prepare, seconds=1):
        """What `prepare(time)` answers, where all that it does came before that time, which is so
        many seconds away. Where the machine was too slow for that it is called once more, with a
        later one."""
        while True:
            end = in_seconds(seconds)
            try:
                prepared = prepare(end)
            except AssertionError:
                if in_seconds(0) < end:
                    raise
            else:
                if in_seconds(0) < end:
                    return prepared
            seconds *= 2

    def status(self, task):
        return self.get("/task/%s/status" % task)["status"]

    def wait_for_state(self, task, state):
        wait_until(lambda: self.status(task)["state"] == state, "%s to be %s" % (task, state))

    # -- workers

    def claim_task(self, task, run=0, worker="w", by=None):
        return self.say("POST", "/task/%s/runs/%d/claim" % (task, run),
                        {"workerGroup": "g", "workerId": worker}, by=by)

    def claimed(self, task, run=0, worker="w"):
        """The claim of a run, with `by`: a caller with its credentials."""
        claim = self.given(self.claim_task(task, run, worker))
        claim["by"] = self.root.called(claim["credentials"])
        return claim

    def claim_work(self, tasks=1, worker="w", group="g", by=None):
        return self.say("POST", "/claim-work/" + quoted(self.queue),
                        {"workerGroup": group, "workerId": worker, "tasks": tasks}, by=by)

    def claims(self, **how):
        """Ids of the tasks that claimWork hands out."""
        return [c["status"]["taskId"] for c in self.given(self.claim_work(**how))["tasks"]]

    def report(self, task, what, run=0, by=None, reason=None):
        body = {"reason": reason} if reason else None
        return self.say("POST", "/task/%s/runs/%d/%s" % (task, run, what), body, by=by)

    def resolved(self, what="completed", reason=None, **changes):
        """A new task that was claimed and reported."""
        task = self.create(**changes)
        claim = self.claimed(task)
        self.given(self.report(task, what, by=claim["by"], reason=reason))
        return task

    # -- messages

    def now(self):
        """The position behind all that has happened."""
        page = self.given(self.events_caller.get("/events?after=now", api=TROUPE))
        return page["next"]

    def messages(self, after, *about):
        """What was said since then, of these tasks or groups (of all, without any) in its order.
        The end is a task that is made for that."""
        end = slugid()
        self.put("/task/" + end, definition("proj-test/marks"))
        found, seen = [], False
        while not seen:
            page = self.given(self.events_caller.get(
                "/events?wait=10&limit=1000&after=" + quoted(after), api=TROUPE))
            self.assertTrue(page["events"], "the event log has no end")
            after = page["next"]
            for event in page["events"]:
                if event["routingKey"].startswith("primary." + end):
                    seen = True
                    break
                found.append(Message(event))
        return [one for one in found if not about or one.words[1:2] and one.words[1] in about]

    def texts(self, after, *about):
        return [repr(one) for one in self.messages(after, *about)]
