"""no_skips.py MODULE [ARGUMENT...]: unittest on one module. A skipped test fails the run where the
contract is there: then nothing but a client that cannot be installed excuses a test."""

import os
import sys
import unittest


def main():
    done = unittest.main(module=sys.argv[1], argv=sys.argv[1:], exit=False).result
    if done.skipped and os.environ.get("TROUPE_CONTRACT_DIR"):
        print("skipped although the contract is there:",
              ", ".join("%s (%s)" % (test, reason) for test, reason in done.skipped))
        return 1
    return 0 if done.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
