"""What has expired is gone in the end, with its bytes; what has not is whole, whenever the server is
killed."""

import os
import unittest

from platform_under_test import Platform, read_bytes, wait_until

SHORT = 6  # tasks that expire
GROUP = """
tasks:
  kept: {run: echo same | tee out, artifacts: [out]}
""" + "".join("""
  short%d: {run: "echo same | tee out; echo $TASK_ID | tee own", artifacts: [out, own],
            deadline: 40s, expires: 45s}
""" % i for i in range(SHORT))


class Expiry(unittest.TestCase):
    def blobs(self, platform):
        folder = os.path.join(platform.data, "blobs", "sha256")
        return sum(len(names) for _, _, names in os.walk(folder))

    def test_killed_in_the_middle(self):
        with Platform(workers=1, TROUPE_QUEUE_EXPIRATION_DELAY="0s",
                      TROUPE_QUEUE_DEADLINE_DELAY="0s",
                      TROUPE_ARTIFACTS_GARBAGE_DELAY="10s") as platform:
            platform.client("run", platform.group_file(GROUP)).wait()
            kept = next(task["status"]["taskId"] for task in platform.tasks()
                        if task["task"]["metadata"]["name"] == "kept")
            self.assertGreater(self.blobs(platform), SHORT)
            for left in range(SHORT, 1, -2):
                wait_until(lambda: len(platform.tasks()) <= left, "tasks to go", 120)
                platform.kill()
                platform.start()
            wait_until(lambda: len(platform.tasks()) == 1, "all but one task to go", 120)
            platform.kill()
            platform.start()
            # Its artifact, which all had, and its log.
            wait_until(lambda: self.blobs(platform) == 2, "the blobs of the others to go", 120)
            self.assertEqual([task["status"]["taskId"] for task in platform.tasks()], [kept])
            folder = os.path.join(platform.dir, "downloads")
            platform.run("task", "download", kept, "public/out", "--output", folder)
            self.assertEqual(read_bytes(os.path.join(folder, "public/out")), b"same\n")
            self.assertIn("same", platform.run("task", "log", kept))
            self.assertEqual(platform.stop(), 0)
            self.assertIn("is whole", platform.run("check", "--blobs"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
