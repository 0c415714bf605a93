#!/usr/bin/env python3
"""How fast large logs and artifacts pass through, and how much memory that takes.

Two questions: a task prints 100 MB, which are followed and read again; a task makes an artifact of
1 GiB, which another task mounts. Each on a server of its own with one worker on the same disk.

Prints one JSON object a line: {"benchmark", "unit", "median", "runs", "bytes"}. Memory is the peak
of resident memory (VmHWM) of a process since its start; `_idle` is that before the transfer.
Repeat it with: make bench. It needs 6 GiB of free disk in $TMPDIR. Smaller ones for a try:
TROUPE_BENCH_LOG_BYTES, TROUPE_BENCH_ARTIFACT_BYTES.
"""

import json
import os
import re
import shutil
import tempfile
import time

from platform_to_measure import PORTS, command, start, stop

LOG_BYTES = int(os.environ.get("TROUPE_BENCH_LOG_BYTES", 100 * 10**6))
ARTIFACT_BYTES = int(os.environ.get("TROUPE_BENCH_ARTIFACT_BYTES", 2**30))
CHUNK_BYTES = 1 << 20

GROUP = """
tasks:
  make:
    run: cp %(file)s artifact
    artifacts: [artifact]
  take:
    inputs: [make:artifact]
    run: test "$(stat -c %%s artifact)" = %(bytes)d
"""


def report(name, unit, value, size):
    print(json.dumps({"benchmark": name, "unit": unit, "median": round(value, 1), "runs": 1,
                      "bytes": size}), flush=True)


def report_speed(name, begun, size):
    report(name, "MB/s", size / 10**6 / (time.perf_counter() - begun), size)


def report_memory(name, processes, size):
    for process, pid in processes.items():
        with open("/proc/%d/status" % pid) as status:
            kilobytes = int(re.search(r"VmHWM:\s*(\d+)", status.read())[1])
        report("%s_%s" % (name, process), "MB", kilobytes * 1024 / 10**6, size)


class Platform:
    """A server with one worker that has run a task, so that both are warm."""

    def __init__(self, data):
        # Bounds that would keep such sizes out are not what is measured.
        os.environ.update(TROUPE_WORKER_MIN_FREE_DISK="1B", TROUPE_WORKER_MAX_LOG="1TiB")
        self.data = data
        self.server, _ = start(data, "--workers", "1", *PORTS)
        command(data, "submit", "--", "true")
        with open(os.path.join(data, "workers", "1", "worker.pid")) as f:
            self.processes = {"server": self.server.pid, "worker": int(f.read().split()[0])}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self.server)


def bench_log(base):
    with Platform(os.path.join(base, "log")) as platform:
        report_memory("log_idle_memory", platform.processes, LOG_BYTES)
        begun = time.perf_counter()
        command(platform.data, "submit", "--", "sh", "-c",
                "yes 'a line of a log, about as long as those of a compiler' | head -c %d"
                % LOG_BYTES)
        report_speed("log_printed_and_followed", begun, LOG_BYTES)
        begun = time.perf_counter()
        command(platform.data, "task", "log", "last")
        report_speed("log_read_again", begun, LOG_BYTES)
        report_memory("log_peak_memory", platform.processes, LOG_BYTES)


def bench_artifact(base):
    file = os.path.join(base, "file")
    with open(file, "wb") as f:
        for offset in range(0, ARTIFACT_BYTES, CHUNK_BYTES):
            f.write(os.urandom(min(CHUNK_BYTES, ARTIFACT_BYTES - offset)))
    group = os.path.join(base, "troupe.yml")
    with open(group, "w") as f:
        f.write(GROUP % {"file": file, "bytes": ARTIFACT_BYTES})
    with Platform(os.path.join(base, "artifact")) as platform:
        report_memory("artifact_idle_memory", platform.processes, ARTIFACT_BYTES)
        begun = time.perf_counter()
        command(platform.data, "run", group)
        report_speed("artifact_through_two_tasks", begun, ARTIFACT_BYTES)
        begun = time.perf_counter()
        command(platform.data, "task", "download", "last/make", "artifact", "--output",
                os.path.join(base, "downloaded"))
        report_speed("artifact_downloaded", begun, ARTIFACT_BYTES)
        report_memory("artifact_peak_memory", platform.processes, ARTIFACT_BYTES)


def main():
    base = tempfile.mkdtemp(prefix="troupe-bench-")
    # `last` is kept for each user: not where ours are.
    os.environ["HOME"] = base
    try:
        bench_log(base)
        bench_artifact(base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
