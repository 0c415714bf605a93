"""What the benchmarks share: the platform that they start, feed and stop."""

import os
import subprocess
import sys
import time

# CMake fills in the build folder.
BINARY = os.environ.get("TROUPE_BINARY", "@CMAKE_BINARY_DIR@/apps/troupe/troupe")
PORTS = ("--http", "127.0.0.1:0", "--rpc", "127.0.0.1:0")


def start(data, *flags):
    """Starts the server; answers it and the time until its ready line."""
    begun = time.perf_counter()
    server = subprocess.Popen([BINARY, "up", "--data", data, *flags], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    line = server.stdout.readline()
    if not line.startswith("ready "):
        sys.exit("the server did not start")
    return server, time.perf_counter() - begun


def stop(server):
    server.terminate()
    server.wait()
    server.stdout.close()


def command(data, *args):
    subprocess.run([BINARY, "--data", data, *args], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
