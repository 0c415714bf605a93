"""The benchmark of stalls runs every case and notes what others waited for in each."""

import itertools
import unittest

from bench_under_test import results

TASKS = 100
SIZES = {"idle": 0, "chain": TASKS // 10, "fan_out": TASKS + 1, "fan_in": TASKS + 1,
         "group": TASKS, "group_cancel": TASKS}
CALLS = ("status", "create", "claim", "report")


class StallsBench(unittest.TestCase):
    def test_each_case_and_each_call(self):
        lines = results("stalls", stalls=TASKS)
        found = {(line["benchmark"], line["what"]): line for line in lines}
        self.assertEqual(set(found), set(itertools.product(["stall_" + n for n in SIZES], CALLS)))
        self.assertEqual(len(lines), len(found))
        for (name, what), line in found.items():
            with self.subTest(name=name, what=what):
                self.assertEqual(set(line), {"benchmark", "what", "unit", "median", "p99", "max",
                                             "runs", "tasks", "seconds"})
                self.assertEqual(line["tasks"], SIZES[name.removeprefix("stall_")])
                self.assertGreater(line["runs"], 0)
                self.assertTrue(0 < line["median"] <= line["p99"] <= line["max"])


if __name__ == "__main__":
    unittest.main()
