"""run.py TEST [NEED...] [-- unittest's arguments]: one contract test, as ctest starts it.

NEED is `clients` (the installed ones, clients.py) or `contract` (the folder TROUPE_CONTRACT_DIR
with references, schemas and recordings). Without what it needs a test is skipped, with the reason
and exit status 77. Where the contract is there, any other skip inside of a test is a failure.
"""

import os
import subprocess
import sys

import clients


def missing_contract():
    folder = os.environ.get("TROUPE_CONTRACT_DIR", "")
    if not folder:
        return "TROUPE_CONTRACT_DIR is not set"
    if not os.path.isdir(os.path.join(folder, "references")):
        return "TROUPE_CONTRACT_DIR=%s has no references" % folder
    return None


def main(arguments):
    own = arguments[:arguments.index("--")] if "--" in arguments else arguments
    passed_on = arguments[len(own) + 1:]
    test, *needs = own
    if "contract" in needs and missing_contract():
        print("skipped:", missing_contract())
        # A folder that was named but is wrong is a mistake, not a machine without the contract.
        return 1 if os.environ.get("TROUPE_CONTRACT_DIR") else clients.SKIPPED
    interpreter = sys.executable
    if "clients" in needs:
        try:
            clients.install()
        except clients.NotInstallable as error:
            print("skipped: client not installable:", error)
            return clients.SKIPPED
        interpreter = clients.python()
    runner = os.path.join(clients.HERE, "no_skips.py")
    return subprocess.run([interpreter, runner, test + "_test", *passed_on]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
