#!/usr/bin/env python3
"""How long people wait: until `troupe up` is ready, and for `troupe submit -- true`.

Prints one JSON object a line: {"benchmark", "unit", "min", "median", "max", "runs", "tasks"}.
Repeat it with: make bench. The binary is that of the build, or $TROUPE_BINARY.
"""

import json
import os
import shutil
import statistics
import tempfile
import time

from platform_to_measure import PORTS, command, start, stop

TASKS_STORED = int(os.environ.get("TROUPE_BENCH_TASKS", "100000"))
TASKS_A_GROUP = 1000


def report(name, seconds, tasks=None):
    line = {"benchmark": name, "unit": "ms", "min": round(min(seconds) * 1000, 1),
            "median": round(statistics.median(seconds) * 1000, 1),
            "max": round(max(seconds) * 1000, 1), "runs": len(seconds)}
    if tasks is not None:
        line["tasks"] = tasks
    print(json.dumps(line), flush=True)


def bench_empty(base):
    times = []
    for i in range(10):
        server, seconds = start(os.path.join(base, "empty%d" % i), "--workers", "0", *PORTS)
        times.append(seconds)
        stop(server)
    report("up_ready_empty_directory", times)


def bench_submit(base):
    data = os.path.join(base, "submit")
    server, _ = start(data, "--workers", "1", *PORTS)
    times = []
    for _ in range(35):
        begun = time.perf_counter()
        command(data, "submit", "--", "true")
        times.append(time.perf_counter() - begun)
    stop(server)
    report("submit_true_start_to_exit", times[5:])  # the first warm up caches


def bench_stored(base):
    data = os.path.join(base, "stored")
    server, _ = start(data, "--workers", "0", *PORTS)
    group = os.path.join(base, "troupe.yml")
    with open(group, "w") as f:
        f.write("tasks:\n  stored:\n    queue: bench/nobody\n    run: \"true\"\n    matrix: {n: %s}\n"
                % list(range(TASKS_A_GROUP)))
    begun = time.perf_counter()
    for _ in range(TASKS_STORED // TASKS_A_GROUP):
        command(data, "run", group, "--detach")
    seconds = time.perf_counter() - begun
    print(json.dumps({"benchmark": "create_tasks_by_group_file", "unit": "tasks/s",
                      "median": round(TASKS_STORED / seconds), "runs": 1}), flush=True)
    stop(server)
    times = []
    for _ in range(10):
        server, took = start(data, "--workers", "0")
        times.append(took)
        stop(server)
    report("up_ready_tasks_stored", times, TASKS_STORED)


def main():
    base = tempfile.mkdtemp(prefix="troupe-bench-")
    try:
        bench_empty(base)
        bench_submit(base)
        bench_stored(base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
