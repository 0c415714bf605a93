"""The benchmark of the queue measures everything it is to, and as much of it as it says. How fast
that goes is not judged here."""

import itertools
import unittest

from bench_under_test import results

TASKS = 100
MEASURES = ("create", "status", "claim", "complete", "lifecycle", "edge")
PACES = ((1, 1), (16, 1), (64, 1), (1, 100))
FIGURES = {"benchmark", "face", "in_flight", "batch", "unit", "median", "min", "max", "p50_ms",
           "p99_ms", "cpu_us", "client_cpu_us", "tasks", "latencies", "runs"}


class QueueBench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lines = results("queue", tasks=TASKS, turns=1)

    def test_each_measure_at_each_pace_over_each_face(self):
        found = {(line["face"], line["benchmark"], line["in_flight"], line["batch"])
                 for line in self.lines if line["benchmark"] != "queue_tasks"}
        wanted = {(face, "queue_" + measure, *pace) for face, measure, pace
                  in itertools.product(("rpc", "http"), MEASURES, PACES)}
        self.assertEqual(found, wanted)
        self.assertEqual(len(self.lines), len(wanted) + 2)

    def test_figures_are_complete_and_fit_each_other(self):
        for line in self.lines:
            if line["benchmark"] == "queue_tasks":
                continue
            with self.subTest(**{k: line[k] for k in ("benchmark", "face", "in_flight", "batch")}):
                self.assertEqual(set(line), FIGURES)
                edge = line["benchmark"] == "queue_edge"
                self.assertEqual(line["unit"], "edges/s" if edge else "tasks/s")
                alone = (line["in_flight"], line["batch"]) == (1, 1)
                self.assertEqual(line["tasks"], TASKS // 10 if alone else TASKS)
                # One for each call, but of an edge for each task.
                self.assertEqual(line["latencies"],
                                 line["tasks"] if edge else line["tasks"] // line["batch"])
                self.assertTrue(0 < line["min"] <= line["median"] <= line["max"])
                self.assertTrue(0 < line["p50_ms"] <= line["p99_ms"])
                # The kernel counts in steps of 10 ms: one short turn may take none.
                self.assertGreaterEqual(line["cpu_us"], 0)
        for face in ("rpc", "http"):
            self.assertGreater(sum(line["cpu_us"] for line in self.lines
                                   if line["face"] == face and "cpu_us" in line), 0)

    def test_the_server_has_what_was_said(self):
        turns = 3 * TASKS + TASKS // 10  # tasks that each measure made, at all paces
        for line in self.lines:
            if line["benchmark"] == "queue_tasks":
                self.assertEqual((line["made"], line["completed"]), (4 * turns, 3 * turns))
                # What an edge led to is held by a worker, or waits again once that has gone.
                self.assertEqual(line["pending"] + line["claimed"], turns)


if __name__ == "__main__":
    unittest.main()
