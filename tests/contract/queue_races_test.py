"""createTask calls of one taskId that come at the same time: one that is good, and one with another
definition that is refused. Whoever comes first, the good one is the task, and nothing of the other
stays. Source: spec/queue.md, sections 2 and 5."""

import threading
import unittest

from queue_support import QUEUE, QueueTest, definition, slugid

ROUNDS = 12  # of each kind
CONFLICT = "RequestConflict"  # the good one was there first


class CreationRaces(QueueTest):
    settings = {**QueueTest.settings, "TROUPE_HTTP_THREADS": "2"}  # both may be at work at once

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.poor = cls.caller("some:scope")
        # Connections of their own, that are there when the race begins.
        cls.racers = [cls.root.called(cls.root.credentials) for _ in range(3)]
        cls.needed = [slugid() for _ in range(24)]
        for task in cls.needed:
            made = cls.root.put("/task/" + task, definition("proj-test/needed"), api=QUEUE)
            if made.status != 200:
                raise AssertionError("cannot create a task: %r" % made)

    def together(self, *calls):
        """Makes all calls at once; answers theirs."""
        found = [None] * len(calls)
        gate = threading.Barrier(len(calls))

        def run(at, call):
            gate.wait()
            found[at] = call()

        threads = [threading.Thread(target=run, args=one) for one in enumerate(calls)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return found

    def race(self, good, bad, bad_codes, bad_by=None, good_calls=1):
        """One round, with another task."""
        task, bad_group = slugid(), slugid()
        good = self.definition(taskGroupId=task, **good)
        bad = self.definition(taskGroupId=bad_group, tags={"of": "the other"}, **bad)
        before = self.now()
        path = "/task/" + task
        calls = [lambda by=by: self.say("PUT", path, good, by=by)
                 for by in self.racers[:good_calls]]
        calls.insert(task < bad_group,  # now this one first, now that one
                     lambda: self.say("PUT", path, bad, by=bad_by or self.racers[2]))
        found = self.together(*calls)
        refused = found.pop(task < bad_group)
        for answer in found:
            self.assertEqual(self.given(answer)["status"]["taskGroupId"], task)
        code = refused.json.get("code")
        self.assertIn(code, bad_codes, refused)
        self.refused(refused, code)
        self.check_left(task, good, bad_group, before, good_calls)

    def check_left(self, task, good, bad_group, before, calls):
        """The task is the good one; of the other there is neither group nor message."""
        kept = self.get("/task/" + task)
        self.assertEqual({**kept, **good}, kept)
        self.assertEqual(kept["tags"], {})
        status = self.status(task)
        state = "unscheduled" if good.get("dependencies") else "pending"
        self.assertEqual((status["state"], len(status["runs"])),
                         (state, 1 if state == "pending" else 0))
        self.refused(self.say("GET", "/task-group/" + bad_group), "ResourceNotFound")
        members = self.get("/task-group/%s/list" % task)["tasks"]
        self.assertEqual([one["status"]["taskId"] for one in members], [task])
        said = ["task-defined"] + (["task-pending 0"] if state == "pending" else [])
        # Each call that asks for the same says so again.
        self.assertEqual(self.texts(before, task, bad_group), said * calls)

    def dependents(self, task):
        return {one["status"]["taskId"]
                for one in self.get("/task/%s/dependents" % task)["tasks"]}

    def test_without_scopes(self):
        for good in ({}, {"dependencies": self.needed[:1]}):
            for _ in range(ROUNDS):
                self.race(good, {"scopes": ["not:theirs"]}, ["InsufficientScopes"],
                          bad_by=self.poor)

    def test_invalid(self):
        for good in ({}, {"dependencies": self.needed[:1]}):
            for _ in range(ROUNDS):
                self.race(good, {"retries": 1000}, ["InputValidationError"])
                self.race(good, {"deadline": "2000-01-01T00:00:00.000Z"}, ["InputError"])

    def test_refused_by_what_it_needs(self):
        """It is under way for a while: what it needs is asked, and only the last is not there."""
        needed = self.needed[2:]
        for good in ({}, {"dependencies": self.needed[:1]}):
            for missing_first in (False, True):
                needs = [slugid(), *needed] if missing_first else [*needed, slugid()]
                for calls in (1, 2):
                    for _ in range(ROUNDS):
                        self.race(good, {"dependencies": needs}, ["InputError", CONFLICT],
                                  good_calls=calls)
        for task in needed:
            self.assertEqual(self.dependents(task), set())

    def test_refused_by_its_group(self):
        """Another scheduler's group: its one member stays its only one."""
        for good in ({}, {"dependencies": self.needed[:1]}):
            for _ in range(ROUNDS):
                group = self.create(schedulerId="theirs")
                task = slugid()
                path = "/task/" + task
                mine = self.definition(**good)
                bad = self.definition(taskGroupId=group, schedulerId="mine",
                                      dependencies=self.needed[1:2])
                kept, refused = self.together(
                    lambda: self.say("PUT", path, mine, by=self.racers[0]),
                    lambda: self.say("PUT", path, bad, by=self.racers[1]))
                self.assertEqual(self.given(kept)["status"]["taskGroupId"], task)
                self.refused(refused, CONFLICT)
                self.assertEqual({**self.get(path), **mine}, self.get(path))
                members = self.get("/task-group/%s/list" % group)["tasks"]
                self.assertEqual([one["status"]["taskId"] for one in members], [group])
        self.assertEqual(self.dependents(self.needed[1]), set())


if __name__ == "__main__":
    unittest.main()
