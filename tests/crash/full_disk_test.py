"""A full disk and a full map: creations are refused for now, what is under way goes on, nothing
that was acknowledged is lost, and room is all that it takes to go on."""

import os
import tempfile
import unittest

from account import account_of, check_data, wait_for_the_end
from load_under_test import Ledger, Load
from platform_under_test import Platform, make_mount, readiness, unmount, wait_until

MIB = 2 ** 20
PAYLOAD_BYTES = 30000


def fill(path, size_bytes=None):
    """Writes a file of that size, or until nothing more fits."""
    with open(path, "wb", buffering=0) as file:
        try:
            if size_bytes is not None:
                os.posix_fallocate(file.fileno(), 0, size_bytes)
            while size_bytes is None and file.write(b"x" * 65536):
                pass
        except OSError:
            if size_bytes is not None:
                raise


class Full(unittest.TestCase):
    def fill_by_creations(self, platform):
        """Creates until that is refused; answers the load, whose clients go on asking."""
        load = Load(platform, workers=0, clients=2, in_flight=32, payload_bytes=PAYLOAD_BYTES)
        load.wait_for(lambda f: f["busy"] > 0, "creations to be refused")
        wait_until(lambda: readiness(platform)[0] == 503, "the server to say that it is not ready")
        self.assertIn("disk", readiness(platform)[1])
        return load

    def work_while_full(self, platform):
        """Workers claim and report."""
        workers = Load(platform, clients=0, workers=2, capacity=20)
        workers.wait_for(lambda f: f["resolved"] >= 300, "runs to be claimed and resolved")
        self.assertEqual(readiness(platform)[0], 503)
        return workers

    def check_all(self, platform, load, workers):
        load.drain()
        wait_for_the_end(platform)
        load.stop()
        workers.stop()
        ledger = Ledger(load.ledger_path(), workers.ledger_path())
        self.assertTrue(any("the store is full up to its reserve: free disk space" in text
                            for text in ledger.busy), ledger.busy[:3])
        account = account_of(ledger, platform)
        print("%d creations, %d claims, %d refusals for now" % (
            load.figures()["created"], len(ledger.claims), len(ledger.busy)), flush=True)
        self.assertEqual(account.problems, [])
        check_data(platform)


class FullDisk(Full):
    def test_goes_on_when_there_is_room_again(self):
        disk = tempfile.mkdtemp(prefix="troupe-disk-")
        self.addCleanup(os.rmdir, disk)
        make_mount(disk, "-t", "tmpfs", "-o", "size=%d" % (640 * MIB), "tmpfs")
        self.addCleanup(unmount, disk)
        platform = Platform(workers=0, TROUPE_DISK_RESERVE="0")  # 2 GiB at least, otherwise
        platform.data = os.path.join(disk, "data")
        ballast = [os.path.join(disk, name) for name in ("ballast", "rest")]
        with platform:
            self.assertTrue(os.path.exists(os.path.join(platform.data, "store", "0", "reserve")),
                            os.listdir(platform.data))
            fill(ballast[0], 400 * MIB)
            pid = platform.server.pid
            load = self.fill_by_creations(platform)
            fill(ballast[1])  # not a byte is left: the reserve is all there is
            workers = self.work_while_full(platform)

            created = load.figures()["created"]
            for path in ballast:
                os.remove(path)
            load.wait_for(lambda f: f["created"] >= created + 100, "creations to be taken again")
            wait_until(lambda: readiness(platform)[0] == 200, "the server to be ready again")
            self.assertEqual(platform.server.pid, pid)
            self.check_all(platform, load, workers)


class FullMap(Full):
    def test_goes_on_with_a_larger_map(self):
        with Platform(workers=0, TROUPE_STORE_MAP_SIZE="144MiB") as platform:
            load = self.fill_by_creations(platform)
            workers = self.work_while_full(platform)
            platform.stop()
            platform.environment["TROUPE_STORE_MAP_SIZE"] = "1GiB"
            created = load.figures()["created"]
            platform.start()
            load.wait_for(lambda f: f["created"] >= created + 100, "creations to be taken again")
            self.check_all(platform, load, workers)


if __name__ == "__main__":
    unittest.main()
