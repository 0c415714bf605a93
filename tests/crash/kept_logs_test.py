"""The search for secrets in logs finds them: what never fails proves nothing."""

import os
import shutil
import tempfile
import unittest

import kept_logs

SECRET = "Zm9yIHRoZSBzZWFyY2gK+/="


class KeptLogs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="troupe-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        kept = kept_logs.FOLDER
        kept_logs.FOLDER = os.path.join(self.folder, "kept")
        self.addCleanup(setattr, kept_logs, "FOLDER", kept)

    def write(self, path, text):
        path = os.path.join(self.folder, "platform", path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def scan(self, **environment):
        kept_logs.keep(os.path.join(self.folder, "platform"), environment)
        return kept_logs.scan(kept_logs.FOLDER)

    def test_finds_a_token_of_the_data_directory(self):
        self.write("data/credentials.json", '{"clientId": "c", "accessToken": "%s"}' % SECRET)
        self.write("server.log", 'ready\n{"text":"token=%s."}\n' % SECRET)
        self.write("data/workers/1/worker.log", SECRET + SECRET)
        self.write("1.err", SECRET[:-1] + "\n")
        faults, lines, secrets = self.scan()
        self.assertEqual((lines, secrets), (4, 1))
        self.assertEqual([fault.split("/", 1)[1] for fault in faults],
                         ['data-workers-1-worker.log:1: Zm9<secret>Zm9<secret>',
                          'server.log:2: {"text":"token=Zm9<secret>."}'])

    def test_finds_what_a_test_planted(self):
        kept_logs.plant("planted-by-a-test-0", "short", "x" * 44)
        self.write("server.log", "short " + "x" * 50 + "\nplanted-by-a-test-0 planted-by-a-test-1\n")
        faults, _, secrets = self.scan(KEYS='{"key": "of-the-environment-0"}')
        self.assertEqual(secrets, 2)
        self.assertEqual([fault.split("/", 1)[1] for fault in faults],
                         ["server.log:2: pla<secret> planted-by-a-test-1"])

    def test_knows_secrets_by_their_names(self):
        self.assertEqual(kept_logs.secrets_in('{"keys": [{"id": "1", "key": "AA=="}]}'),
                         {"AA=="})
        self.assertEqual(kept_logs.secrets_in('[auth]\nwebsocktunnel_secret = "s s"\n'), {"s s"})

    def test_is_content_without_secrets(self):
        self.write("server.log", "ready\n")
        self.assertEqual(self.scan()[0], [])


if __name__ == "__main__":
    unittest.main()
