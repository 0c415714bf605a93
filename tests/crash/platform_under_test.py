"""A real platform for tests: the binary in a directory of its own, killed and started at will."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import kept_logs

BINARY = os.environ["TROUPE_BINARY"]


def read(path):
    """The file's text, empty without one."""
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return ""


def read_bytes(path):
    with open(path, "rb") as f:
        return f.read()


class Timeout(AssertionError):
    pass


def wait_until(condition, what, seconds=120):
    """Waits for a condition, and fails naming it. Polls: the other side is another process."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout("waited in vain for " + what)
        select.select([], [], [], 0.02)


def is_alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it may end between opening and reading
        return False


def readiness(platform):
    """What /readyz answers: the status and the text."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:%d/readyz" % platform.http_port(),
                                    timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def threads_of(pid):
    return len(os.listdir("/proc/%d/task" % pid))


def processes_in(folder):
    """Commands of the living processes, other than this one, that know of a folder: by their
    arguments, their environment, or where they work."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
            continue
        try:
            texts = [os.readlink("/proc/%s/cwd" % pid).encode()]
            texts += [read_bytes("/proc/%s/%s" % (pid, name)) for name in ("cmdline", "environ")]
        except OSError:
            continue  # it has ended, is a zombie, or another user's
        if any(folder.encode() in text for text in texts):
            found[int(pid)] = texts[1].replace(b"\0", b" ").decode(errors="replace")
    return found


def make_mount(folder, *args):
    """Mounts something on a folder, or skips the test where that is not allowed. Take it away again
    with `unmount`."""
    done = subprocess.run(["mount", *args, folder], capture_output=True, text=True)
    if done.returncode != 0:
        raise unittest.SkipTest("cannot mount: " + done.stderr.strip())


def unmount(folder):
    subprocess.run(["umount", "-l", folder], check=True)


class Client:
    """A command in the background whose output can be waited for."""

    def __init__(self, platform, *args):
        with tempfile.NamedTemporaryFile(dir=platform.dir, suffix=".out", delete=False) as out, \
                tempfile.NamedTemporaryFile(dir=platform.dir, suffix=".err", delete=False) as err:
            self.out, self.err = out, err
            self.process = subprocess.Popen(
                [BINARY, "--data", platform.data, *args], stdout=out, stderr=err,
                stdin=subprocess.DEVNULL, env=platform.environment)

    def stdout(self):
        return read(self.out.name)

    def stderr(self):
        return read(self.err.name)

    def wait(self, seconds=120):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Timeout("the command did not end: " + self.stdout() + self.stderr())


class Platform:
    def __init__(self, workers=2, flags=(), **settings):
        """`flags` are of the first start; `settings` are variables of the environment."""
        self.flags = flags
        self.later_flags = ()  # of those that follow
        self.dir = tempfile.mkdtemp(prefix="troupe-test-")
        self.data = os.path.join(self.dir, "data")
        self.workers = workers
        self.environment = {k: v for k, v in os.environ.items()
                            if not k.startswith(("TROUPE_", "TASKCLUSTER_"))}
        # All lines: none of them may hold a secret (kept_logs.py).
        self.environment.update({"HOME": self.dir, "TROUPE_LOG_LEVEL": "debug", **settings})
        self.server = None
        self.clients = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        for client in self.clients:
            if client.poll() is None:
                client.kill()
            client.wait()
        if self.server and self.server.poll() is None:
            self.stop()
        for worker in range(1, self.workers + 1):
            pid = self.worker_pid(worker)
            if pid and is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        for name in filter(lambda name: name.endswith(".out"), os.listdir(self.dir)):
            said = read_bytes(os.path.join(self.dir, name)).decode(errors="replace")
            kept_logs.plant(*kept_logs.secrets_in(said))
        kept_logs.keep(self.dir, self.environment)
        try:
            if self.server:
                self.check_no_crash()
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    def start(self):
        """Starts the server and waits for its ready line; answers the line's fields."""
        first = self.server is None
        args = [BINARY, "up", "--data", self.data, "--workers", str(self.workers)]
        if first:
            args += ["--http", "127.0.0.1:0", "--rpc", "127.0.0.1:0", *self.flags]
        else:
            args += self.later_flags
        with open(os.path.join(self.dir, "server.log"), "a") as log:
            self.server = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=log, text=True,
                                           stdin=subprocess.DEVNULL, env=self.environment,
                                           start_new_session=True)
        with self.server.stdout as stdout:
            line = stdout.readline()
        if not line.startswith("ready "):
            raise AssertionError("no ready line but %r; %s" % (line, self.log()))
        self.ready = dict(field.split("=", 1) for field in line.split()[1:])
        return self.ready

    def log(self):
        """The end of the server's, without what is for debugging."""
        lines = read(os.path.join(self.dir, "server.log")).splitlines(keepends=True)
        return "".join(line for line in lines if '"level":"debug"' not in line)[-4000:]

    def kill(self):
        """kill -9 of the server alone; workers live on."""
        self.server.kill()
        self.server.wait()

    def stop(self, seconds=120):
        """SIGTERM; answers the status. A server that crashes on its way out fails the test."""
        self.server.send_signal(signal.SIGTERM)
        status = self.server.wait(seconds)
        self.check_no_crash()
        return status

    def check_no_crash(self):
        """Of a server that has ended: by itself, or as it was asked to."""
        asked = (signal.SIGKILL, signal.SIGTERM)
        if self.server.returncode < 0 and -self.server.returncode not in asked:
            raise AssertionError("the server died of signal %d: %s"
                                 % (-self.server.returncode, self.log()))

    def rpc_port(self):
        return int(self.ready["rpc"].rsplit(":", 1)[1])

    def http_port(self):
        return int(self.ready["rootUrl"].rsplit(":", 1)[1])

    def worker_pid(self, worker):
        fields = read(os.path.join(self.data, "workers", str(worker), "worker.pid")).split()
        return int(fields[0]) if fields else None

    def run(self, *args, check=True, seconds=120):
        """Runs a command to its end; answers its standard output."""
        done = subprocess.run([BINARY, "--data", self.data, *args], capture_output=True,
                              text=True, timeout=seconds, env=self.environment,
                              stdin=subprocess.DEVNULL)
        kept_logs.plant(*kept_logs.secrets_in(done.stdout))
        with open(os.path.join(self.dir, "commands.err"), "a") as said:
            said.write(done.stderr)
        if check and done.returncode != 0:
            raise AssertionError("%s: status %d: %s%s" % (args, done.returncode, done.stdout,
                                                          done.stderr))
        return done.stdout if check else done

    def output(self, *args):
        """Runs a command to its end; answers the bytes that it printed."""
        return subprocess.run([BINARY, "--data", self.data, *args], check=True, timeout=120,
                              stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                              env=self.environment).stdout

    def client(self, *args):
        client = Client(self, *args)
        self.clients.append(client.process)
        return client

    def status(self, task):
        return json.loads(self.run("task", "status", task, "--json"))["status"]

    def wait_for_task(self, task, state="completed"):
        """Waits until the task is resolved, and fails if that is in another state."""
        end = wait_until(lambda: self.state_if_resolved(task), "task %s to be resolved" % task)
        if end != state:
            raise AssertionError("task %s is %s: %s" % (task, end, self.run("task", "log", task)))

    def state_if_resolved(self, task):
        state = self.status(task)["state"]
        return state if state in ("completed", "failed", "exception") else None

    def worker_token(self, *flags, pool="local/default"):
        """Makes a worker token; answers its file."""
        with tempfile.NamedTemporaryFile(dir=self.dir, suffix=".json") as f:
            path = f.name
        self.run("worker", "token", "create", "--pool", pool, "--output", path, *flags)
        return path

    def worker(self, token, *flags, pool="local/default", name="w"):
        """A worker of its own in the background."""
        return self.client("worker", "--join", self.ready["rpc"].split(",")[0], "--pool", pool,
                           "--credentials", token, "--worker-id", name,
                           "--work-dir", os.path.join(self.dir, name), *flags)

    def submit(self, script, *flags):
        return self.run("submit", "--detach", *flags, "--", "sh", "-c", script).split()[-1]

    def group_file(self, text):
        path = os.path.join(self.dir, "troupe.yml")
        with open(path, "w") as f:
            f.write(text)
        return path

    def tasks(self):
        return json.loads(self.run("task", "list", "--json"))["tasks"]


class SharedPlatform(unittest.TestCase):
    """Tests that share one platform, with so many workers."""
    workers = 1
    settings = {}  # environment of the server

    @classmethod
    def setUpClass(cls):
        cls.platform = Platform(workers=cls.workers)
        cls.platform.environment.update(cls.settings)
        cls.platform.start()
        cls.addClassCleanup(cls.platform.__exit__)


def task_lines(log, prefix):
    """The lines that a task printed, without the worker's own."""
    return [line for line in log.splitlines() if re.match(prefix, line)]
