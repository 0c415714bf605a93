"""kill -9 of the server at random instants, under clients and workers that have at least 100
commands unanswered; then every acknowledged creation, claim and resolution is accounted for.

TROUPE_SEED repeats a choice of instants, TROUPE_KILLS makes it more of them."""

import os
import random
import unittest

from account import account_of, check_data, wait_for_the_end
from load_under_test import Ledger, Load
from platform_under_test import Platform

KILLS = int(os.environ.get("TROUPE_KILLS", "20"))
UNANSWERED_MIN = 100
ANSWERED_MAX = 500  # between a start and its kill
LOOKS_MAX = 20  # at the figures after that, some of which let others run first


class KilledUnderLoad(unittest.TestCase):
    def kill_again_and_again(self, platform, load, kills):
        seed = int(os.environ.get("TROUPE_SEED", random.SystemRandom().randrange(2 ** 32)))
        instants = random.Random(seed)
        unanswered = []
        for _ in range(kills):
            enough = load.figures()["answered"] + instants.randrange(ANSWERED_MAX)
            load.wait_for(lambda f: f["answered"] >= enough and
                          f["sent"] - f["answered"] >= UNANSWERED_MIN,
                          "%d commands to be unanswered" % UNANSWERED_MIN,
                          looks=1 + instants.randrange(LOOKS_MAX))
            unanswered.append(load.unanswered())
            platform.kill()
            platform.start()
        print("seed %d: %d kills; unanswered at each: %s" % (seed, kills, unanswered), flush=True)

    def drain(self, platform, load):
        load.drain()
        wait_for_the_end(platform)
        load.stop()
        return Ledger(load.ledger_path())

    def check_account(self, ledger, platform):
        account = account_of(ledger, platform)
        print("%d commands, %d answers, %d tasks, %d claims, %d events" % (
            len(ledger.sent), len(ledger.acknowledged), len(account.tasks), len(ledger.claims),
            len(account.events)), flush=True)
        self.assertEqual(account.problems, [], "%d problems" % len(account.problems))
        self.assertGreater(len(ledger.claims), 0)

    def run_rounds(self, kills, **settings):
        with Platform(workers=0, **settings) as platform:
            load = Load(platform)
            self.kill_again_and_again(platform, load, kills)
            ledger = self.drain(platform, load)
            self.check_account(ledger, platform)
            check_data(platform)

    def test_one_shard(self):
        self.run_rounds(KILLS)

    def test_two_shards(self):
        self.run_rounds(max(1, KILLS // 4), TROUPE_STORE_SHARDS="2")


if __name__ == "__main__":
    unittest.main()
