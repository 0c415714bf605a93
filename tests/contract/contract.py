"""A server of its own for contract tests, clients on it, and how its answers are checked."""

import json
import os
import unittest
import urllib.parse

import answers
import schemas
from caller import Caller
from platform_under_test import Platform

OWN = "troupe"
FAR = "2999-01-01T00:00:00.000Z"


def quoted(text):
    """One segment of a path."""
    return urllib.parse.quote(text, safe="")


class Server(Platform):
    """The real binary on free ports, with a data directory of its own; without workers at first."""

    def __init__(self, workers=0, **settings):
        super().__init__(workers=workers, **settings)
        self.callers = []

    def __exit__(self, *why):
        for caller in self.callers:
            caller.close()
        super().__exit__(*why)

    @property
    def root_url(self):
        return self.ready["rootUrl"]

    def credentials(self):
        """Of the root client, whose only scope is `*`."""
        with open(os.path.join(self.data, "credentials.json")) as file:
            known = json.load(file)
        return {"clientId": known["clientId"], "accessToken": known["accessToken"]}

    def start(self):
        ready = super().start()
        if schemas.contract_dir() and not schemas.knows(OWN):
            schemas.learn(*self._own())
        return ready

    def _own(self):
        """Of the service that no contract has: its reference, and schemas by their paths."""
        caller = self.caller(check=None)
        reference = caller.get("/references/%s/v1/api.json" % OWN, api="").json
        paths = {"/schemas/%s/%s" % (OWN, entry["output"].rstrip("#"))
                 for entry in reference["entries"] if "output" in entry}
        return reference, {path: caller.get(path, api="").json for path in paths}

    def caller(self, credentials=None, check=answers.check):
        url = urllib.parse.urlsplit(self.root_url)
        return Caller(url.hostname, url.port, credentials, check, self.callers)


class ContractTest(unittest.TestCase):
    """Tests that share one server. `self.root` and `self.nobody` call it with all scopes and with
    none: the role `anonymous`, which grants some of them at first, is taken away."""

    SERVER = Server
    workers = 0
    settings = {}  # variables of the server's environment

    @classmethod
    def setUpClass(cls):
        cls.server = cls.SERVER(workers=cls.workers, **cls.settings)
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.start()
        cls.root = cls.server.caller(cls.server.credentials())
        cls.nobody = cls.server.caller()
        cls.made = 0
        if cls.root.delete("/roles/anonymous").status != 204:
            raise AssertionError("cannot delete the role anonymous: " + cls.server.log())

    @classmethod
    def unique(cls, prefix="test/client"):
        """A name that no other test of the class has."""
        cls.made += 1
        return "%s-%d" % (prefix, cls.made)

    @classmethod
    def client(cls, *scopes, name=None, **changes):
        """Credentials of a new client with these scopes."""
        name = name or cls.unique()
        body = {"expires": FAR, "description": "for a test", "scopes": list(scopes), **changes}
        answer = cls.root.put("/clients/" + quoted(name), body)
        if answer.status != 200:
            raise AssertionError("cannot create a client: %r" % answer)
        return {"clientId": name, "accessToken": answer.json["accessToken"]}

    @classmethod
    def caller(cls, *scopes, **how):
        """A caller with these scopes."""
        return cls.root.called(cls.client(*scopes, **how))

    def figures(self):
        """What /metrics says, by what stands before each number."""
        text = self.nobody.get("/metrics", api="").raw.decode()
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(number) for name, _, number in lines}

    def given(self, answer, status=200):
        """The body of an answer that has to be a success."""
        self.assertEqual(answer.status, status, answer)
        return answer.json

    def refused(self, answer, code, text=None):
        """An error with this code and, if one is given, exactly this text above its footer."""
        self.assertEqual((answer.status, answer.json and answer.json.get("code")),
                         (answers.STATUS[code], code), answer)
        if text is not None:
            self.assertEqual(answers.text_of(answer), text)
        return answer.json
