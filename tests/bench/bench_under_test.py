"""Runs a benchmark in a folder of its own and reads what it prints."""

import json
import os
import subprocess
import tempfile


def results(name, **sizes):
    """The lines of a benchmark at these sizes (`tasks=100` for TROUPE_BENCH_TASKS), as objects."""
    environment = {k: v for k, v in os.environ.items() if k != "FULL"}
    environment.update({"TROUPE_BENCH_" + k.upper(): str(v) for k, v in sizes.items()})
    program = os.path.join(os.environ["TROUPE_BENCHES"], name + "_bench")
    with tempfile.TemporaryDirectory(prefix="troupe-bench-") as folder:
        done = subprocess.run([program], cwd=folder, env=environment, capture_output=True,
                              text=True, timeout=280)
        left = os.listdir(folder)
    if done.returncode != 0:
        raise AssertionError("status %d: %s" % (done.returncode, done.stderr))
    if left:
        raise AssertionError("left behind: %s" % left)
    return [json.loads(line) for line in done.stdout.splitlines()]
