"""What recorded deployments held before their calls were recorded: a world for each recording makes
that on this server, and knows who says a line."""

import re

import hawk
from contract import FAR, quoted

ROOT = "static/taskcluster/root"
IN_AN_HOUR = 3600


class World:
    """Callers by their recorded client ids. `others` are clients that were not made by the calls:
    the names and scopes that they get here."""

    GIVEN_TIMES = frozenset()
    MADE_BESIDE = frozenset()
    SPARE_SECONDS = 0

    def __init__(self, test, lines, others):
        self.test = test
        self.lines = lines
        self.names = {ROOT: test.server.credentials()["clientId"]}
        self.credentials = {self.names[ROOT]: test.server.credentials()}
        for recorded, (name, scopes) in others.items():
            self.names[recorded] = name
            self.credentials[name] = test.client(*scopes, name=name)

    def caller(self, recorded):
        """Who says a line."""
        if recorded is None:
            return self.test.nobody
        return self.test.root.called(self.credentials[self.names.get(recorded, recorded)])

    def prepare(self, line, mapping):
        """Makes what a line takes for granted."""

    def learn(self, line, answer, mapping):
        """Keeps what later lines need of an answer."""


class AuthWorld(World):
    """Roles and clients that the lists of the recording show."""

    GIVEN_TIMES = frozenset({"expires", "deadline", "retireAt"})
    OTHERS = {"static/taskcluster/index": ("rec/index", ["queue:get-artifact:*",
                                                         "queue:get-task:*"])}

    def __init__(self, test, lines):
        super().__init__(test, lines, self.OTHERS)
        made = {line.path for line in lines if line.method == "PUT"}
        for line in lines:
            if line.status == 200 and line.method == "GET":
                self._show(line.response, made)

    def _show(self, response, made):
        parts = response if isinstance(response, list) else [response]
        if isinstance(response, dict):
            parts += response.get("roles", []) + response.get("clients", [])
        for part in parts:
            if not isinstance(part, dict):
                continue
            for kind, key in (("roles", "roleId"), ("clients", "clientId")):
                if key in part and "description" in part:
                    self._make(kind, part[key], part, made)

    def _make(self, kind, name, recorded, made):
        path = "/%s/%s" % (kind, quoted(name))
        if "/api/auth/v1" + path in made or name.startswith("static/"):
            return
        made.add("/api/auth/v1" + path)
        body = {"description": recorded["description"], "scopes": recorded["scopes"]}
        if kind == "clients":
            body["expires"] = recorded["expires"] if recorded["expires"] > "2900" else FAR
        self.test.given(self.test.root.put(path, body))

    def learn(self, line, answer, mapping):
        if isinstance(answer.json, dict) and "accessToken" in answer.json:
            name = answer.json["clientId"]
            self.credentials[name] = {"clientId": name, "accessToken": answer.json["accessToken"]}


def claims_in(response):
    """The claims, and renewed claims, of an answer."""
    claims = response.get("tasks", [response]) if isinstance(response, dict) else []
    return [claim for claim in claims if isinstance(claim, dict) and "credentials" in claim
            and "takenUntil" in claim]


class QueueWorld(World):
    """Task queues that the lists of the recording show. Credentials of claims come from the answers
    of this server."""

    GIVEN_TIMES = frozenset({"created", "deadline", "expires", "quarantineUntil"})
    # Of what was seen of workers, and of the address of an upload, the server made `expires`.
    MADE_BESIDE = frozenset({"lastDateActive", "putUrl"})
    SPARE_SECONDS = 60  # a recorded deadline is soon
    SERVICES = {"static/taskcluster/hooks": ("rec/hooks", ["queue:scheduler-id:*",
                                                           "queue:create-task:highest:*"]),
                "static/taskcluster/index": ("rec/index", ["queue:get-task:*"])}

    def __init__(self, test, lines):
        super().__init__(test, lines, self.SERVICES)
        queues, halves = {}, set()
        for line in lines:
            if line.method == "GET" and line.status == 200:
                shown = line.response
                queues.update((q["taskQueueId"], q["lastDateActive"])
                              for q in shown.get("taskQueues", [])[:-1])
                halves |= {p["provisionerId"] for p in shown.get("provisioners", [])[:-1]}
        claimed = {line.path.split("/")[-1].replace("%2F", "/") for line in lines
                   if "/claim-work/" in line.path}
        known = {queue.split("/")[0] for queue in {*queues} | claimed}
        in_order = sorted({*queues} - claimed, key=queues.get)  # a provisioner shows the latest
        for queue in in_order + [half + "/zz" for half in sorted(halves - known)]:
            self._declare(*queue.split("/"))

    def _declare(self, provisioner, worker_type):
        path = "/provisioners/%s/worker-types/%s/here/before" % (provisioner, worker_type)
        self.test.given(self.test.root.put(path, {"expires": FAR}, api="/api/queue/v1"))

    def learn(self, line, answer, mapping):
        for recorded, now in zip(claims_in(line.response), claims_in(answer.json)):
            self.learn_claim(recorded["credentials"]["clientId"], now)

    def learn_claim(self, recorded, claim):
        now = claim["credentials"]["clientId"]
        self.test.assertEqual(now.rpartition("/")[0], recorded.rpartition("/")[0])
        until = round(float(now.rpartition("/")[2]) * 1000)
        self.test.assertEqual(hawk.time_ms(claim["takenUntil"]), until, claim["takenUntil"])
        self.names[recorded] = now
        self.credentials[now] = claim["credentials"]

    def signed(self, path):
        """A path that was signed by the root, signed anew."""
        server = self.test.server
        return hawk.signed_url(server.credentials(), path, "127.0.0.1", server.http_port(),
                               hawk.now_seconds() + IN_AN_HOUR)


class TrafficWorld(QueueWorld):
    """Of what a client said some of each kind was kept: tasks, claims and artifacts that lines tell
    of are made just before the first of them, unless lines make them."""

    SKIPPED = re.compile(r"/worker-types/")  # counts claims that were not kept

    def __init__(self, test, lines):
        super().__init__(test, lines)
        self.made = {self._task(line) for line in lines if line.method == "PUT"
                     and line.path.count("/") == 5}
        self.definitions, self.statuses, self.listed = {}, {}, {}
        for line in lines:
            self._look_at(line)
        posted = {line.path for line in lines if line.method == "POST"}
        self.listed = {task: [a for a in artifacts if not any(
            path.endswith("/artifacts/" + quoted(a["name"])) for path in posted if task in path)]
            for task, artifacts in self.listed.items()}

    @staticmethod
    def _task(line):
        found = re.search(r"/task/([^/]{22})", line.path)
        return found.group(1) if found else None

    def _look_at(self, line):
        response = line.response if isinstance(line.response, dict) else {}
        task = self._task(line)
        if "payload" in response and "metadata" in response:
            self.definitions.setdefault(task, response)
        for claim in claims_in(response):
            self.definitions.setdefault(claim["status"]["taskId"], claim.get("task"))
        if task and "runs" in response.get("status", {}):
            self.statuses.setdefault(task, response["status"])
        if task and "artifacts" in response:
            self.listed[task] = response["artifacts"]

    def prepare(self, line, mapping):
        if line.status in (403, 404) or self.SKIPPED.search(line.path):
            return
        for task in {self._task(line), *(c["status"]["taskId"] for c in claims_in(line.response))}:
            if task and task not in self.made:
                self._create(task, line, mapping)
        if line.caller and line.caller.startswith("task-client/") and line.caller not in self.names:
            self._claim(line, mapping)

    def _create(self, task, line, mapping):
        self.made.add(task)
        definition = self.definitions.get(task) or self._invented(task, line)
        path = "/task/" + task
        self.test.given(self.test.root.put(path, mapping.to_send(definition), api="/api/queue/v1"))

    def _invented(self, task, line):
        """A definition with the status that was recorded, if any, and the scopes."""
        a_queue = next(line.path.split("/")[-1].replace("%2F", "/") for line in self.lines
                       if "/claim-work/" in line.path)
        example = next(d for d in self.definitions.values() if d and d["taskQueueId"] == a_queue)
        like = self.statuses.get(task, example)
        return {**{key: like[key] for key in ("taskQueueId", "schedulerId", "projectId",
                                              "taskGroupId", "priority", "deadline", "expires")},
                "created": example["created"], "payload": {}, "metadata": example["metadata"],
                "scopes": line.scopes[3:]}

    def _claim(self, line, mapping):
        _, task, run, _, group, worker, _, _ = line.caller.split("/")
        if task not in self.made:
            self._create(task, line, mapping)
        answer = self.test.root.post("/task/%s/runs/%s/claim" % (task, run), api="/api/queue/v1",
                                     body={"workerGroup": group, "workerId": worker})
        self.learn_claim(line.caller, self.test.given(answer))
        self._make_artifacts(task, answer.json, mapping)

    def learn(self, line, answer, mapping):
        super().learn(line, answer, mapping)
        for claim in claims_in(answer.json):
            if "task" in claim:
                self._make_artifacts(claim["status"]["taskId"], claim, mapping)

    def _make_artifacts(self, task, claim, mapping):
        worker = self.test.root.called(claim["credentials"])
        for artifact in self.listed.pop(task, []):
            body = {key: artifact[key] for key in ("storageType", "expires", "contentType",
                                                   "contentLength") if key in artifact}
            if body["storageType"] == "link":
                body["artifact"] = artifact["name"].replace(".log", "_backing.log")
            path = "/task/%s/runs/%d/artifacts/%s" % (task, claim["runId"],
                                                      quoted(artifact["name"]))
            answer = worker.post(path, mapping.to_send(body), api="/api/queue/v1")
            self.test.given(answer)
            self.test.upload(answer, body)
