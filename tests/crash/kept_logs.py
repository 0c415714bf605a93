"""The log lines of all servers, workers and commands that tests start, and the secrets that these
knew: no line may hold one.

TROUPE_TEST_LOGS names a folder of the build. `kept_logs.py clear` empties it before the first test;
each process of the tests adds what it started (`keep`) and which secrets it planted (`plant`);
`kept_logs.py scan` looks after the last test. Without the variable nothing is kept.
"""

import glob
import itertools
import os
import re
import shutil
import sys

FOLDER = os.environ.get("TROUPE_TEST_LOGS", "")
# Others are stand-ins, such as the tokens "wrong" and "xxx…", that say nothing when they are found.
SECRET_CHARACTERS_MIN = 16
DIFFERENT_CHARACTERS_MIN = 8
SHOWN_CHARACTERS_MAX = 400
_SECRET_SUFFIX = ".secrets"
_IN_JSON = re.compile(r'"(?:accessToken|key|secret|token)"\s*:\s*"([^"\\]+)"')
_IN_TOML = re.compile(r'^\s*\w*secret\s*=\s*"([^"\\]+)"', re.MULTILINE)

_count = itertools.count(1)
_planted = set()


def secrets_in(text):
    """Secrets that JSON or a configuration holds, by the names that they have there."""
    return set(_IN_JSON.findall(text)) | set(_IN_TOML.findall(text))


def _is_secret(text):
    return len(text) >= SECRET_CHARACTERS_MIN and len(set(text)) >= DIFFERENT_CHARACTERS_MIN


def plant(*secrets):
    """Makes each line with one of these a fault, whoever wrote it."""
    fresh = set(filter(_is_secret, secrets)) - _planted
    if not fresh or not FOLDER:
        return
    _planted.update(fresh)
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, "%d%s" % (os.getpid(), _SECRET_SUFFIX)), "a") as file:
        file.writelines(secret + "\n" for secret in fresh)


def keep(folder, environment):
    """Keeps the logs of a platform in `folder`, and the secrets of its files and variables."""
    if not FOLDER:
        return
    for pattern in ("*.json", "data/*.json", "data/*.toml", "data/workers/*/*.json"):
        for path in glob.glob(os.path.join(folder, pattern)):
            plant(*secrets_in(_read(path)))
    for value in environment.values():
        plant(*secrets_in(value))
    target = os.path.join(FOLDER, "%s-%d-%d" % (_test(), os.getpid(), next(_count)))
    os.makedirs(target)
    for pattern in ("*.log", "*.err", "data/workers/*/*.log"):
        for path in glob.glob(os.path.join(folder, pattern)):
            name = os.path.relpath(path, folder).replace(os.sep, "-")
            shutil.copyfile(path, os.path.join(target, name))


def _test():
    """The name of the test that runs."""
    named = [os.path.basename(word) for word in sys.argv if "_test" in word]
    return named[0].split(".")[0] if named else "unnamed"


def _read(path):
    with open(path, errors="replace") as file:
        return file.read()


def _index(secrets):
    """Secrets by their beginning, for a search in one pass."""
    index = {}
    for secret in secrets:
        index.setdefault(secret[:SECRET_CHARACTERS_MIN], []).append(secret)
    return index


def _found_in(line, index):
    width = SECRET_CHARACTERS_MIN
    for at in range(len(line) - width + 1):
        for secret in index.get(line[at:at + width], ()):
            if line.startswith(secret, at):
                yield secret


def scan(folder):
    """What is wrong, one text for each: `TEST/FILE:LINE`, and the line without the secret. Also
    answers how many lines and secrets there were."""
    logs = sorted(glob.glob(os.path.join(folder, "*", "*")))
    secrets = {secret for path in glob.glob(os.path.join(folder, "*" + _SECRET_SUFFIX))
               for secret in _read(path).splitlines()}
    index = _index(secrets)
    faults = []
    lines = 0
    for path in logs:
        with open(path, errors="replace") as file:
            for number, line in enumerate(file, 1):
                lines += 1
                for secret in set(_found_in(line, index)):
                    masked = line.strip().replace(secret, secret[:3] + "<secret>")
                    faults.append("%s:%d: %s" % (os.path.relpath(path, folder), number,
                                                 masked[:SHOWN_CHARACTERS_MAX]))
    return faults, lines, len(secrets)


def main(what):
    if what == "clear":
        shutil.rmtree(FOLDER, ignore_errors=True)
        os.makedirs(FOLDER)
        return 0
    faults, lines, secrets = scan(FOLDER)
    print("%d lines were searched for %d secrets" % (lines, secrets))
    for fault in faults:
        print("a secret is in the log:", fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
