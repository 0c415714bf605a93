"""What scripts/demo says if the graph fails, with everything that it calls replaced."""

import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ["TROUPE_SOURCE"]

TROUPE = """#!/bin/sh
case "$1 $2" in
  "up --data") mkdir "$3"; touch "$3/running"; echo "ready rootUrl=http://127.0.0.1:1"
               while [ -e "$3/running" ]; do :; done ;;
  "run examples/demo") echo "[1/10] build: failed, 10m 08s"; exit 1 ;;
  "group log") [ -e "$6/running" ] && echo "build | task aborted - max run time exceeded" ;;
  "down --data") rm "$3/running" ;;
esac
"""


class DemoScript(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="troupe-demo-")
        self.addCleanup(shutil.rmtree, self.root)
        with open(os.path.join(SOURCE, "scripts/demo")) as f:
            self.program("scripts/demo", f.read())
        for script in ("build", "setup"):
            self.program("scripts/" + script, "#!/bin/sh\n")
        self.program("build/release/apps/troupe/troupe", TROUPE)
        for words in (("init", "--quiet"), ("add", "."),
                      ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all")):
            subprocess.run(["git", "-C", self.root, *words], check=True)

    def program(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)

    def test_the_log_of_what_failed_is_shown_before_it_is_gone(self):
        done = subprocess.run([os.path.join(self.root, "scripts/demo")], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        self.assertEqual(done.returncode, 1)
        self.assertIn("max run time exceeded", done.stderr)
        self.assertIn("--keep", done.stdout)


if __name__ == "__main__":
    unittest.main()
