"""Installs the clients of the contract tests into the build folder, once: `clients.py` does it.

Versions are those of requirements.txt and package.json; another version installs anew. What a
machine lacks (Python's venv, npm, a registry) is no failure of the product: `install` says so.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77  # ctest's SKIP_RETURN_CODE
INSTALL_SECONDS_MAX = 240


class NotInstallable(Exception):
    """What is missing on this machine, in words."""


def folder():
    """Where the clients are: TROUPE_CONTRACT_BUILD, a folder of the build."""
    return os.environ["TROUPE_CONTRACT_BUILD"]


def python():
    """The interpreter that has the Python clients."""
    return os.path.join(folder(), "python", "bin", "python")


def node_modules():
    return os.path.join(folder(), "node_modules")


def install():
    """Makes the clients ready, or raises NotInstallable. Several processes may ask at once."""
    os.makedirs(folder(), exist_ok=True)
    with _locked(os.path.join(folder(), "lock")):
        stamp = os.path.join(folder(), "installed")
        wanted = _fingerprint()
        if _read(stamp) == wanted:
            return
        _forget(stamp)
        _install_python()
        _install_node()
        with open(stamp, "w") as file:
            file.write(wanted)


@contextlib.contextmanager
def _locked(path):
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(path):
    with contextlib.suppress(FileNotFoundError), open(path) as file:
        return file.read()
    return ""


def _forget(path):
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)


def _fingerprint():
    """Of all that decides what is installed."""
    digest = hashlib.sha256(sys.version.encode())
    for name in ("requirements.txt", "package.json"):
        digest.update(_read(os.path.join(HERE, name)).encode())
    return digest.hexdigest()


def _install_python():
    target = os.path.join(folder(), "python")
    shutil.rmtree(target, ignore_errors=True)
    _run("a Python environment (is python3-venv installed?)", sys.executable, "-m", "venv", target)
    _run("the Python clients (is PyPI reachable?)", python(), "-m", "pip", "install", "--quiet",
         "--disable-pip-version-check", "--only-binary", ":all:", "--requirement",
         os.path.join(HERE, "requirements.txt"))


def _install_node():
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        raise NotInstallable("node and npm are not installed")
    shutil.rmtree(node_modules(), ignore_errors=True)
    shutil.copy(os.path.join(HERE, "package.json"), folder())
    _run("the JavaScript client (is the npm registry reachable?)", npm, "install", "--no-audit",
         "--no-fund", "--ignore-scripts", "--loglevel=error")


def _run(what, *command):
    try:
        done = subprocess.run(command, cwd=folder(), stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=INSTALL_SECONDS_MAX)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstallable("cannot install %s: %s" % (what, error)) from error
    if done.returncode != 0:
        raise NotInstallable("cannot install %s: %s" % (what, done.stdout.strip()[-600:]))


def main():
    try:
        install()
    except NotInstallable as error:
        print("skipped: client not installable:", error)
        return SKIPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
