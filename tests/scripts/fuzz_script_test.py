"""What scripts/fuzz and scripts/test say of fuzz targets that ran, that found something and that
could not be built."""

import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ["TROUPE_SOURCE"]

GOOD = """#!/bin/sh
echo "#9 DONE   cov: 21 ft: 34 corp: 3/9b lim: 4 exec/s: 0 rss: 30Mb"
echo "stat::number_of_executed_units: 9"
echo "$@" > arguments
"""

# Leaves an input, as libFuzzer does.
BAD = """#!/bin/sh
for option; do
  case $option in -artifact_prefix=*) touch "${option#*=}crash-1234" ;; esac
done
echo "ERROR: something is wrong"
exit 77
"""


class FuzzScript(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="troupe-fuzz-")
        self.addCleanup(shutil.rmtree, self.root)
        for script in ("fuzz", "test"):
            with open(os.path.join(SOURCE, "scripts", script)) as f:
                self.program("scripts/" + script, f.read())
        for script in ("build", "setup"):
            self.program("scripts/" + script, "#!/bin/sh\n")
        self.program("bin/clang++-14", "#!/bin/sh\n")

    def program(self, name, text):
        path = os.path.join(self.root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o755)

    def target(self, name, text):
        self.program(f"tests/fuzz/{name}_fuzz.cpp", "")
        self.program(f"build/fuzz/tests/fuzz/{name}", text)

    def run_script(self, *args):
        path = os.path.join(self.root, "bin") + ":" + os.environ["PATH"]
        return subprocess.run([os.path.join(self.root, args[0]), *args[1:]], text=True,
                              capture_output=True, env={**os.environ, "PATH": path})

    def test_runs_and_coverage_are_told(self):
        self.target("good", GOOD)
        done = self.run_script("scripts/fuzz", "--seconds", "3")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("passed  good: 9 runs in 3 s, 21 edges and 34 features covered", done.stdout)
        with open(os.path.join(self.root, "arguments")) as f:
            arguments = f.read()
        self.assertIn("-max_total_time=3 ", arguments)
        # The corpus comes second: only the first folder is written to.
        self.assertIn("build/fuzz/grown/good tests/fuzz/corpus/good", arguments)

    def test_what_is_found_can_be_repeated(self):
        self.target("good", GOOD)
        self.target("bad", BAD)
        done = self.run_script("scripts/fuzz")
        self.assertEqual(done.returncode, 1)
        self.assertIn("passed  good", done.stdout)
        self.assertIn("FAILED  bad", done.stdout)
        self.assertIn("ERROR: something is wrong", done.stdout)
        self.assertIn("repeat: build/fuzz/tests/fuzz/bad build/fuzz/found/bad-crash-1234\n",
                      done.stdout)
        self.assertEqual(self.run_script("scripts/test", "fuzz").returncode, 1)

    def test_targets_by_name(self):
        self.target("good", GOOD)
        self.target("bad", BAD)
        self.assertEqual(self.run_script("scripts/fuzz", "good").returncode, 0)
        done = self.run_script("scripts/fuzz", "other")
        self.assertEqual(done.returncode, 1)
        self.assertIn('there is no target "other"', done.stderr)

    def test_without_a_compiler_they_are_skipped(self):
        self.target("good", GOOD)
        self.program("bin/clang++-14", "#!/bin/sh\nexit 1\n")
        done = self.run_script("scripts/fuzz")
        self.assertEqual(done.returncode, 77)
        self.assertIn("skipped good\n", done.stdout)
        self.assertIn("libclang-rt-14-dev", done.stdout)
        done = self.run_script("scripts/test", "fuzz")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("skipped fuzz target good\n", done.stdout.split("== summary")[1])

    def test_options_that_are_none(self):
        for args in (["--seconds"], ["--seconds", "0"], ["--minutes", "x"], ["--bogus"]):
            self.assertEqual(self.run_script("scripts/fuzz", *args).returncode, 2, args)


if __name__ == "__main__":
    unittest.main(verbosity=2)
