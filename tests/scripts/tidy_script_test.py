"""What scripts/tidy and scripts/test say of files that were not checked, and of those that were."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ["TROUPE_SOURCE"]

# Finds something in every file whose name says so.
CLANG_TIDY = """#!/bin/sh
for last; do :; done
case $last in *bad*) echo "$last: a finding"; exit 1 ;; esac
"""


class TidyScript(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="troupe-tidy-")
        self.addCleanup(shutil.rmtree, self.root)
        for script in ("tidy", "test"):
            self.program("scripts/" + script, open_text(os.path.join(SOURCE, "scripts", script)))
        for script in ("build", "setup"):
            self.program("scripts/" + script, "#!/bin/sh\n")
        self.program("bin/clang-tidy-14", CLANG_TIDY)
        subprocess.run(["git", "init", "--quiet", self.root], check=True)

    def program(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)

    def compiled(self, *names):
        folder = os.path.join(self.root, "build/tidy")
        os.makedirs(folder)
        root = os.path.realpath(self.root)
        with open(os.path.join(folder, "compile_commands.json"), "w") as f:
            json.dump([{"directory": root, "file": os.path.join(root, n)} for n in names], f,
                      indent=0)
        for name in names:
            self.program(name, "")

    def run_script(self, *args):
        path = os.path.join(self.root, "bin") + ":" + os.environ["PATH"]
        return subprocess.run([os.path.join(self.root, args[0]), *args[1:]], text=True,
                              capture_output=True, env={**os.environ, "PATH": path})

    def test_all(self):
        self.compiled("a.cpp", "b.cpp")
        done = self.run_script("scripts/tidy", "--all")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("files: 2, checked: 2, left out: 0, with findings: 0", done.stdout)

    def test_findings(self):
        self.compiled("a.cpp", "bad.cpp")
        done = self.run_script("scripts/tidy", "--all")
        self.assertEqual(done.returncode, 1)
        self.assertIn("tidy: with findings: bad.cpp\n", done.stdout)
        self.assertIn("files: 2, checked: 2, left out: 0, with findings: 1", done.stdout)

    def test_left_out(self):
        self.compiled("a.cpp", "b.cpp")
        names = os.path.join(self.root, "names")
        done = self.run_script("scripts/tidy", "--all", "--seconds", "0", "--left-out", names)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("files: 2, checked: 0, left out: 2, with findings: 0", done.stdout)
        self.assertEqual(open_text(names), "a.cpp\nb.cpp\n")

    def test_summary_of_all_stages(self):
        # In place of the real script, which would need a compiler: it left two files out.
        self.program("scripts/tidy", "#!/bin/sh\n"
                     "while [ $# -gt 0 ]; do\n"
                     "  if [ \"$1\" = --left-out ]; then printf 'a.cpp\\nb.cpp\\n' > \"$2\"; fi\n"
                     "  shift\n"
                     "done\n")
        done = self.run_script("scripts/test", "tidy")
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = done.stdout.split("== summary")[1]
        self.assertIn("passed  tidy", summary)
        self.assertIn("left out 2 of tidy", summary)
        self.assertIn("a.cpp, b.cpp", summary)

    def test_a_word_that_is_none_is_named(self):
        done = self.run_script("scripts/test", "bogus")
        self.assertEqual(done.returncode, 2)
        self.assertIn("\"bogus\"", done.stderr)
        done = self.run_script("scripts/test", "--match")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--match needs a value", done.stderr)


def open_text(path):
    with open(path) as f:
        return f.read()


if __name__ == "__main__":
    unittest.main(verbosity=2)
