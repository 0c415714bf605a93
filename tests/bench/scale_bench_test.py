"""The benchmark of scale fills its servers as it says, keeps their size, and compares them."""

import itertools
import unittest

from bench_under_test import results

TASKS = 10_000
BASE = 100
SIDES = {"one_small": (BASE, 1), "one_large": (TASKS, 1), "many_small": (BASE, BASE),
         "many_large": (TASKS, BASE)}


class ScaleBench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lines = results("scale", scale=TASKS, base=BASE, turns=1)

    def of(self, name):
        return [line for line in self.lines if line["benchmark"] == name]

    def test_each_side_has_its_size_before_and_after(self):
        for name in ("scale_fill", "scale_create", "scale_claim"):
            self.assertEqual({line["side"]: (line["tasks"], line["queues"])
                              for line in self.of(name)}, SIDES)
        self.assertEqual({line["side"]: (line["small"], line["large"])
                          for line in self.of("scale_pending")},
                         {"one": (BASE, TASKS), "many": (BASE, TASKS)})

    def test_memory_is_noted_and_what_only_waits_leaves_it(self):
        found = {(line["side"], line["when"]) for line in self.of("scale_memory")}
        self.assertEqual(found, set(itertools.product(SIDES, ("empty", "filled", "played", "rested"))))
        mebibytes = {(line["side"], line["when"]): line["anonymous"]
                     for line in self.of("scale_memory")}
        for large in ("one_large", "many_large"):
            self.assertLess(mebibytes[large, "rested"], mebibytes[large, "filled"])
        for line in self.of("scale_memory"):
            self.assertGreater(line["anonymous"], 0)
            self.assertGreater(line["mapped"], 0)

    def test_ratios_are_of_the_turns(self):
        for name in ("scale_create_ratio", "scale_claim_ratio"):
            self.assertEqual([line["side"] for line in self.of(name)], ["one", "many"])
            for line in self.of(name):
                self.assertEqual(line["runs"], 1)
                self.assertTrue(0 < line["min"] <= line["median"] <= line["max"])


if __name__ == "__main__":
    unittest.main()
