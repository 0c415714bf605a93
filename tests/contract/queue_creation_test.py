"""createTask: what it takes, what it refuses and in which order, and repeats. Source:
spec/queue.md, sections 1, 2 and 4."""

import json
import unittest

import answers
from contract import quoted
from queue_support import QueueTest, in_hours, in_seconds, slugid

INPUT = "InputError"
INVALID = "InputValidationError"
CONFLICT = "RequestConflict"

METADATA = {"name": "n", "description": "d", "owner": "o", "source": "https://example.com"}

# Changes of a definition, and how they are refused.
REFUSED = [
    (INVALID, {"taskQueueId": "no-slash"}),
    (INVALID, {"taskQueueId": "prov/Upper"}),
    (INVALID, {"workerType": "-dash"}),
    (INVALID, {"workerType": "dash-"}),
    (INVALID, {"workerType": "w" * 39}),
    (INVALID, {"provisionerId": "dots.are.not"}),
    (INVALID, {"schedulerId": ""}),
    (INVALID, {"schedulerId": "s" * 39}),
    (INVALID, {"projectId": "p" * 501}),
    (INVALID, {"projectId": "no space"}),
    (INVALID, {"taskGroupId": "none"}),
    (INVALID, {"dependencies": ["none"]}),
    (INVALID, {"dependencies": ["VAYc9MxAQZ6VXqEr9Xwovg"] * 2}),
    (INVALID, {"requires": "some"}),
    (INVALID, {"routes": [""]}),
    (INVALID, {"routes": ["r" * 250]}),
    (INVALID, {"routes": ["same", "same"]}),
    (INVALID, {"routes": ["r%d" % i for i in range(65)]}),
    (INVALID, {"priority": "normal"}),
    (INVALID, {"retries": 50}),
    (INVALID, {"retries": -1}),
    (INVALID, {"created": "yesterday"}),
    (INVALID, {"scopes": ["caf\u00e9"]}),
    (INVALID, {"payload": []}),
    (INVALID, {"schedulerId": "no space"}),
    (INVALID, {"schedulerId": "dots.are.not"}),
    (INVALID, {"metadata": "text"}),
    *((INVALID, {"metadata": {name: METADATA[name] for name in METADATA if name != missing}})
      for missing in METADATA),
    *((INVALID, {"metadata": {**METADATA, **changes}}) for changes in (
        {"source": "ftp://x"}, {"source": "see https://x"}, {"name": 1}, {"more": "m"},
        {"name": "n" * 256}, {"description": "d" * 32769}, {"owner": "o" * 256},
        {"source": "https://" + "s" * 4089})),
    (INVALID, {"tags": {"k": 1}}),
    (INVALID, {"tags": {"k": "v" * 4097}}),
    (INVALID, {"extra": "text"}),
    (INVALID, {"unknown": 1}),
    (INPUT, {"provisionerId": "other", "workerType": "w"}),
    (INPUT, {"created": in_hours(-0.3)}),
    (INPUT, {"created": in_hours(0.3)}),
    (INPUT, {"created": in_seconds(600), "deadline": in_seconds(300)}),
    (INPUT, {"deadline": in_seconds(-1), "created": in_seconds(-60)}),
    (INPUT, {"deadline": in_hours(5 * 24 + 1)}),
    (INPUT, {"expires": in_seconds(60)}),
    (INPUT, {"scopes": ["a**"]}),
    (INPUT, {"dependencies": ["VAYc9MxAQZ6VXqEr9Xwovg"]}),
]


class Creation(QueueTest):
    settings = {**QueueTest.settings, "TROUPE_QUEUE_MAX_DEPENDENCIES": "20"}

    def refused_task(self, code, definition, task=None, by=None):
        """A refused task leaves nothing behind, its group neither."""
        task, group = task or slugid(), definition.get("taskGroupId")
        self.refused(self.say("PUT", "/task/" + task, definition, by=by), code)
        self.refused(self.say("GET", "/task/" + task), "ResourceNotFound")
        if group and answers.STATUS[code] == 400 and group != "none":
            self.refused(self.say("GET", "/task-group/" + group), "ResourceNotFound")

    def test_refusals(self):
        for code, changes in REFUSED:
            with self.subTest(changes=changes):
                self.refused_task(code, self.definition(**{"taskGroupId": slugid(), **changes}))
        for name in ("created", "deadline", "payload", "metadata"):
            body = self.definition()
            del body[name]
            with self.subTest(missing=name):
                self.refused_task(INVALID, body)
        body = self.definition()
        del body["taskQueueId"]
        self.refused_task(INPUT, body)
        self.refused_task(INPUT, {**body, "provisionerId": "alone"})
        self.refused_task(INPUT, {**body, "workerType": "alone"})
        self.refused(self.say("PUT", "/task/nope", self.definition()), "InvalidRequestArguments")

    def test_defaults(self):
        task = self.create()
        kept = self.get("/task/" + task)
        self.assertEqual({**kept, **self.definition_of(task)}, kept)
        self.assertEqual(
            {key: kept[key] for key in ("schedulerId", "projectId", "taskGroupId", "dependencies",
                                        "requires", "routes", "priority", "retries", "scopes",
                                        "tags", "extra")},
            {"schedulerId": "-", "projectId": "none", "taskGroupId": task, "dependencies": [],
             "requires": "all-completed", "routes": [], "priority": "lowest", "retries": 5,
             "scopes": [], "tags": {}, "extra": {}})
        self.assertEqual(kept["expires"][:4], str(int(kept["deadline"][:4]) + 1))
        self.assertEqual(kept["expires"][4:], kept["deadline"][4:])

    def test_the_longest(self):
        """What just is not too long. Characters are counted, not bytes."""
        wide = "\u00e9"
        changes = {
            "metadata": {"name": wide * 255, "description": wide * 32768, "owner": wide * 255,
                         "source": "https://" + wide * 4088},
            "schedulerId": "s" * 38, "projectId": "p" * 500, "retries": 49,
            "routes": ["%02d" % i + wide * 247 for i in range(64)],
            "tags": {"k": wide * 4096}, "scopes": ["same", "same", ""]}
        kept = self.get("/task/" + self.create(**changes))
        self.assertEqual({key: kept[key] for key in changes}, changes)
        for source in ("http://x", "ssh://x", "git@x"):
            self.create(metadata={**METADATA, "source": source})

    def test_times_that_just_pass(self):
        """The rules of 1.3, from within."""
        soon, skew, days = in_seconds(600), 14 * 60, 5 * 24 * 3600
        for times in ({"created": soon, "deadline": soon, "expires": soon},
                      {"created": in_seconds(skew)}, {"created": in_seconds(-skew)},
                      {"deadline": in_seconds(days + skew)},
                      {"expires": "9999-12-31T23:59:59.999Z"}):
            with self.subTest(times=times):
                kept = self.get("/task/" + self.create(**times))
                self.assertEqual({**kept, **times}, kept)

    def test_times_in_other_forms(self):
        """Without an offset it is UTC; what is kept is always of one form."""
        for change in (lambda t: t[:-1], lambda t: t[:-1] + "456+00:00", lambda t: t[:-5] + "Z",
                       lambda t: t.replace("T", " "), lambda t: t[:-1] + "-0000",
                       lambda t: t.replace("T", "t").replace("Z", "z")):
            deadline = in_hours(1)
            with self.subTest(deadline=change(deadline)):
                kept = self.get("/task/" + self.create(deadline=change(deadline)))
                self.assertEqual(kept["deadline"], deadline if "." in change(deadline)
                                 else deadline[:-5] + ".000Z")
        for deadline in ("2999-13-01T00:00:00Z", "2999-02-29T00:00:00Z", "2999-01-01",
                         "2999-01-01T24:00:00Z", "2999-01-01T12:00:60Z", "2999-01-01T00:00Z", 1):
            self.refused_task(INVALID, self.definition(expires=deadline))

    def definition_of(self, task):
        provisioner, worker_type = self.queue.split("/")
        return {"provisionerId": provisioner, "workerType": worker_type, "taskQueueId": self.queue}

    def test_names_of_the_queue(self):
        """The rows of 1.2."""
        provisioner, worker_type = self.queue.split("/")
        body = self.definition()
        del body["taskQueueId"]
        for names in ({"provisionerId": provisioner, "workerType": worker_type},
                      {"taskQueueId": self.queue, "provisionerId": "replaced"},
                      {"taskQueueId": self.queue, "workerType": "replaced"},
                      {"taskQueueId": self.queue, "provisionerId": provisioner,
                       "workerType": worker_type}):
            with self.subTest(names=names):
                task = slugid()
                status = self.put("/task/" + task, {**body, **names})["status"]
                self.assertEqual({key: status[key] for key in self.definition_of(task)},
                                 self.definition_of(task))

    def test_repeats(self):
        task, body = slugid(), self.definition(created=in_seconds(0)[:-1] + "123Z")
        first = self.put("/task/" + task, body)
        self.assertEqual(self.put("/task/" + task, body), first)
        shorter = {**body, "created": body["created"][:-4] + "Z"}
        self.assertEqual(self.put("/task/" + task, shorter), first)
        provisioner, worker_type = self.queue.split("/")
        self.put("/task/" + task, {**body, "provisionerId": provisioner, "retries": 5,
                                   "workerType": worker_type, "priority": "lowest"})
        for changes in ({"payload": {}}, {"priority": "low"}, {"tags": {"a": "b"}},
                        {"extra": {"a": 1}}, {"deadline": in_hours(2)}, {"routes": ["r"]}):
            with self.subTest(changes=changes):
                self.refused(self.say("PUT", "/task/" + task, {**body, **changes}), CONFLICT)
        self.assertEqual(len(self.get("/task-queues/%s/pending" % quoted(self.queue))["tasks"]), 1)
        self.post("/task/%s/priority" % task, {"newPriority": "high"})
        self.refused(self.say("PUT", "/task/" + task, body), CONFLICT)

    def test_repeats_of_objects_and_lists(self):
        """The order counts of lists, not of objects."""
        task = slugid()
        body = self.definition(extra={"a": 1, "b": [1, 2]}, routes=["x", "y"],
                               tags={"a": "1", "b": "2"})
        self.put("/task/" + task, body)
        self.put("/task/" + task, {**body, "extra": {"b": [1, 2], "a": 1}})
        self.put("/task/" + task, {**body, "tags": {"b": "2", "a": "1"}})
        self.refused(self.say("PUT", "/task/" + task, {**body, "tags": {"b": "1", "a": "2"}}),
                     CONFLICT)
        self.refused(self.say("PUT", "/task/" + task, {**body, "routes": ["y", "x"]}), CONFLICT)

    def test_repeats_with_a_key_twice(self):
        """The last of them counts."""
        task, body = slugid(), self.definition(payload={})

        def say(payload):
            raw = json.dumps(body).replace('"payload": {}', '"payload": ' + payload).encode()
            return self.say("PUT", "/task/" + task, raw=raw)

        self.given(say('{"a": 1, "a": 1}'))
        self.given(say('{"a": 2, "a": 1}'))
        self.refused(say('{"a": 1, "a": 2}'), CONFLICT)
        self.refused(say('{"a": 1, "b": 2}'), CONFLICT)

    def test_repeats_of_many_keys(self):
        """Whatever their order, the answer comes at once."""
        task, keys = slugid(), ["k%d" % i for i in range(100000)]
        body = self.definition(payload=dict.fromkeys(keys, 0))
        self.put("/task/" + task, body)
        self.put("/task/" + task, {**body, "payload": dict.fromkeys(reversed(keys), 0)})
        self.refused(self.say("PUT", "/task/" + task,
                              {**body, "payload": {**body["payload"], keys[-1]: 1}}), CONFLICT)

    def test_groups(self):
        group = self.create()
        self.refused_task(CONFLICT, self.definition(taskGroupId=group, schedulerId="other"))
        member = slugid()
        body = self.definition(taskGroupId=group)
        self.put("/task/" + member, body)
        self.post("/task-group/%s/seal" % group)
        self.refused_task(CONFLICT, self.definition(taskGroupId=group))
        # Even of one that is there already.
        self.refused(self.say("PUT", "/task/" + member, body), CONFLICT)

    def test_expiration_of_groups(self):
        group = self.create(expires=in_hours(30))
        first = self.get("/task-group/" + group)["expires"]
        self.create(taskGroupId=group, expires=in_hours(2))
        self.assertEqual(self.get("/task-group/" + group)["expires"], first)
        self.create(taskGroupId=group, expires=in_hours(50))
        self.assertGreater(self.get("/task-group/" + group)["expires"], first)

    def test_the_last_expiration(self):
        last = "9999-12-31T23:59:59.999Z"
        position, group = self.now(), self.create(expires=last)
        self.assertEqual(self.get("/task-group/" + group)["expires"], last)
        self.post("/task-group/%s/seal" % group)
        self.post("/task/%s/cancel" % group)
        of_group = [one for one in self.messages(position, group)
                    if one.exchange.startswith("task-group-")]
        self.assertEqual([(one.exchange, one.payload["expires"]) for one in of_group],
                         [("task-group-sealed", last), ("task-group-resolved", last)])

    def test_dependencies(self):
        done, failed, open_task = self.resolved(), self.resolved("failed"), self.create()
        for needs, requires, state in (
                ([done], "all-completed", "pending"), ([failed], "all-completed", "unscheduled"),
                ([failed], "all-resolved", "pending"), ([open_task], "all-resolved", "unscheduled"),
                ([done, failed], "all-resolved", "pending"),
                ([done, open_task], "all-completed", "unscheduled")):
            with self.subTest(needs=needs, requires=requires):
                task = slugid()
                made = self.put("/task/" + task, self.definition(dependencies=needs,
                                                                 requires=requires))
                self.assertEqual(made["status"]["state"], state)

    def test_dependencies_that_are_refused(self):
        short = self.create(deadline=in_seconds(600), expires=in_seconds(900))
        missing = slugid()
        for needs, named in (([short], short), ([missing], missing), ([missing, short], missing)):
            answer = self.say("PUT", "/task/" + slugid(), self.definition(dependencies=needs))
            self.refused(answer, INPUT)
            self.assertIn(named, answer.json["message"])
        self.refused_task(INPUT, self.definition(dependencies=[slugid() for _ in range(21)]))
        # The id may be used once more.
        again = slugid()
        self.refused_task(INPUT, self.definition(dependencies=[missing]), task=again)
        self.create(again)

    def test_a_task_that_needs_itself(self):
        task = slugid()
        made = self.put("/task/" + task, self.definition(dependencies=[task]))
        self.assertEqual(made["status"]["state"], "unscheduled")
        dependents = self.get("/task/%s/dependents" % task)["tasks"]
        self.assertEqual([one["status"]["taskId"] for one in dependents], [task])
        self.assertEqual(self.post("/task/%s/schedule" % task)["status"]["state"], "pending")

    def test_dependents(self):
        first, second = self.create(), self.create()
        both = self.create(dependencies=[first, second])
        either = self.create(dependencies=[first], requires="all-resolved")
        whole = self.get("/task/%s/dependents" % first)
        self.assertEqual([t["status"]["taskId"] for t in whole["tasks"]], sorted([both, either]))
        self.claimed(first)
        position = self.now()
        self.given(self.report(first, "failed"))
        self.wait_for_state(either, "pending")
        self.assertEqual(self.status(both)["state"], "unscheduled")
        self.given(self.report(first, "failed"))
        # A rerun that ends well satisfies it after all, and for ever.
        self.post("/task/%s/rerun" % first)
        self.claimed(first, 1)
        self.given(self.report(first, "completed", 1))
        self.post("/task/%s/rerun" % first)
        self.claimed(second)
        self.given(self.report(second, "completed"))
        self.wait_for_state(both, "pending")
        self.assertEqual(self.texts(position, both), ["task-pending 0"])

    def test_authorization(self):
        """The expression of createTask; a caller who may make urgent tasks may make others."""
        provisioner, worker_type = self.queue.split("/")
        scopes = ["queue:create-task:project:p", "queue:scheduler-id:s", "queue:route:r", "a:b",
                  "queue:create-task:low:" + self.queue]
        body = self.definition(projectId="p", schedulerId="s", routes=["r"], scopes=["a:b"])
        by = self.caller(*scopes)
        for priority, status in (("lowest", 200), ("very-low", 200), ("low", 200), ("medium", 403)):
            answer = self.say("PUT", "/task/" + slugid(), {**body, "priority": priority}, by=by)
            self.assertEqual(answer.status, status, priority)
        for missing in scopes:
            by = self.caller(*(scope for scope in scopes if scope != missing))
            with self.subTest(missing=missing):
                self.refused_task("InsufficientScopes", body, by=by)
        self.refused_task("InsufficientScopes", body, by=self.nobody)
        self.assertEqual(provisioner + "/" + worker_type, self.queue)
        # The body is looked at first, dates afterwards.
        self.refused_task(INVALID, {**body, "retries": 50}, by=self.nobody)
        self.refused_task(INPUT, {**body, "workerType": "other", "provisionerId": "p"},
                          by=self.nobody)
        self.refused_task("InsufficientScopes", {**body, "deadline": in_hours(-1)}, by=self.nobody)

    def repeated(self, body, code, task=None, by=None):
        """What the error says that it was given, beside `body`."""
        answer = self.say("PUT", "/task/" + (task or slugid()), body, by=by)
        shown = self.refused(answer, code)["requestInfo"]["payload"]
        self.assertEqual({**body, **shown}.keys(), shown.keys())
        return {name: value for name, value in shown.items() if body.get(name) != value}

    def test_what_errors_repeat(self):
        """The definition as far as createTask has completed it. The steps of 2.1."""
        provisioner, worker_type = self.queue.split("/")
        body = {**self.definition(), **dict.fromkeys(("dependencies", "routes", "scopes"), []),
                "schedulerId": "-", "projectId": "none", "requires": "all-completed",
                "priority": "lowest", "retries": 5, "tags": {}, "extra": {}}
        body["created"] = body["created"][:-1] + "999Z"
        stored = body["created"][:-4] + "Z"
        queue = {"provisionerId": provisioner, "workerType": worker_type}
        later = str(int(body["deadline"][:4]) + 1) + body["deadline"][4:]
        task = slugid()
        self.assertEqual(self.repeated({**body, "retries": 50}, INVALID), {})
        without = {name: value for name, value in body.items() if name != "payload"}
        self.assertEqual(self.repeated(without, INVALID), {"payload": []})
        other = {"provisionerId": "p", "workerType": "w"}
        self.assertEqual(self.repeated({**body, **other}, INPUT), {})
        self.assertEqual(self.repeated(body, "InsufficientScopes", by=self.nobody), queue)
        self.assertEqual(self.repeated({**body, "deadline": in_seconds(-1)}, INPUT, task),
                         {**queue, "taskGroupId": task})
        whole = {**queue, "taskGroupId": task, "created": stored, "expires": later}
        self.assertEqual(self.repeated({**body, "dependencies": [slugid()]}, INPUT, task), whole)
        self.put("/task/" + task, body)
        self.assertEqual(self.repeated({**body, "retries": 4}, CONFLICT, task), whole)
        large = {**body, "payload": {"text": "x" * 300_000}}
        self.assertEqual(self.repeated(large, CONFLICT, task), whole)
        halves = {name: value for name, value in {**body, **queue, "retries": 4}.items()
                  if name != "taskQueueId"}
        self.assertEqual(self.repeated(halves, CONFLICT, task)["taskQueueId"], self.queue)

    def test_limits(self):
        """extra.concurrency and extra.resources, which are Troupe's own."""
        for extra in ({"concurrency": {"key": "k", "limit": 1}}, {"resources": {"cpu": 1.5}},
                      {"resources": {"memory": "4GiB", "gpu": 1}}, {"resources": {"memory": 1024}}):
            self.create(extra=extra)
        for extra in ({"concurrency": "k"}, {"concurrency": {"key": "", "limit": 1}},
                      {"concurrency": {"key": "k"}}, {"concurrency": {"key": "k", "limit": 0}},
                      {"concurrency": {"key": "k" * 201, "limit": 1}},
                      {"concurrency": {"key": "k", "limit": 1.5}}, {"resources": []},
                      {"resources": {"cpu": "many"}}, {"resources": {"cpu": -1}},
                      {"resources": {"memory": "much"}}, {"resources": {"token": 0.5}}):
            with self.subTest(extra=extra):
                self.refused_task(INPUT, self.definition(extra=extra))


class ManyDependencies(QueueTest):
    def test_all_of_which_are_missing(self):
        """They cost no more than those that are there; some are named."""
        answer = self.say("PUT", "/task/" + slugid(), self.definition(
            dependencies=[slugid() for _ in range(10_000)]))
        self.refused(answer, INPUT)
        self.assertLess(len(answers.text_of(answer)), 5_000)
        self.assertTrue(answers.text_of(answer).endswith(" and others"))


if __name__ == "__main__":
    unittest.main()
