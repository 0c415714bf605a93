"""That a row which a way cannot say is never passed over in silence (ways.py), and what structures
have no room for (api_json.py)."""

import unittest

import api_json
import capnp
import rpc
from api_json import Inexpressible
from queue_support import definition
from ways import Unsaid, Way, over

SAID, UNSAID = object(), Unsaid("m.p: no such field")
QUEUE = rpc.SESSION.Session.schema.methods["queue"].result_type.fields["queue"].schema
DEFINITION = QUEUE.methods["createTask"].param_type.fields["task"].schema


class Samples:
    """Tests that are run by tests."""

    class Rows(unittest.TestCase):
        """A test with a row that can be said, and one that is as `second` has it."""

        second = UNSAID

        def refused(self, answer):
            self.assertIs(answer, SAID)

        def test_rows(self):
            for answer in (SAID, self.second):
                with self.subTest():
                    self.refused(answer)

    class LookedInto(Rows):
        def test_rows(self):
            with self.subTest():
                self.assertEqual(UNSAID.status, 200)

    class OnlySaid(Rows):
        second = SAID

    class Wrong(Rows):
        second = None

    class Shadowed(OnlySaid):
        def leaving_out(self):
            """Which a way has as well."""


class Local(Way):
    """A way without a server."""

    setUpClass = tearDownClass = classmethod(lambda cls: None)
    left_out_count = 0


class Marks(unittest.TestCase):
    def outcome(self, cls, marks):
        """Whether the test succeeds, and how many rows it leaves out."""
        made = over(Local, {"%s.test_rows" % cls.__name__: marks} if marks else {}, cls)
        test = made[cls.__name__]("test_rows")
        result = test.run()
        self.assertEqual(result.errors, [])
        return result.wasSuccessful(), type(test).left_out_count

    def test_a_row_has_to_be_marked(self):
        for cls in (Samples.Rows, Samples.LookedInto):
            self.assertEqual(self.outcome(cls, {}), (False, 1))
            self.assertEqual(self.outcome(cls, {UNSAID.why: 2}), (False, 1))
            self.assertEqual(self.outcome(cls, {"m.q: no such field": 1}), (False, 1))
            self.assertEqual(self.outcome(cls, {UNSAID.why: 1}), (True, 1))

    def test_a_mark_has_to_have_its_row(self):
        self.assertEqual(self.outcome(Samples.OnlySaid, {UNSAID.why: 1}), (False, 0))
        self.assertEqual(self.outcome(Samples.OnlySaid, {}), (True, 0))


    def test_what_is_wrong_fails(self):
        self.assertEqual(self.outcome(Samples.Wrong, {}), (False, 0))

    def test_a_way_replaces_nothing_by_chance(self):
        self.assertRaises(AssertionError, over, Local, {}, Samples.Shadowed)


class Structures(unittest.TestCase):
    def test_there_and_back(self):
        body = definition(tags={"a": "b"}, extra={"x": [1, None]}, priority="very-low", retries=0,
                          scopes=["a", "b"])
        encoded = api_json.encoded(body, DEFINITION, "createTask")
        self.assertEqual(encoded["priority"], "veryLow")
        self.assertEqual(encoded["tags"], [{"key": "a", "value": "b"}])
        self.assertEqual(encoded["deadline"] - encoded["created"], 3_600_000)
        kept = capnp.lib.capnp._StructModule(DEFINITION, "definition").new_message(**encoded)
        # What is optional is left out; all else is there.
        self.assertEqual(api_json.decoded(kept, DEFINITION), {
            **body, "schedulerId": "-", "projectId": "none", "dependencies": [], "routes": [],
            "requires": "all-completed"})

    def test_no_room(self):
        for changes in ({"more": 1}, {"priority": "normal"}, {"created": "soon"}, {"retries": "1"},
                        {"retries": 1 << 31}, {"retries": True}, {"tags": {"a": 1}},
                        {"routes": "r"}, {"metadata": []}, {"taskQueueId": ""}):
            with self.subTest(changes=changes), self.assertRaises(Inexpressible):
                api_json.encoded(definition(**changes), DEFINITION, "createTask")


if __name__ == "__main__":
    unittest.main()
