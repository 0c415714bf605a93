"""Every method of a service through PyPI's taskcluster and npm's taskcluster-client, as their users
call them, and over Cap'n Proto RPC: what tests of each service share."""

import schemas
from drivers import NodeDriver, PythonDriver
from rpc_driver import RpcDriver


class EveryMethod:
    """The tests; subclasses name the service and its parts, and add a client and ContractTest."""

    SERVICE = None

    def parts(self):
        """What calls the methods, beside `monitoring`."""
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.driver = cls.dial()
        cls.addClassCleanup(cls.driver.close)
        cls.entries = {e["name"]: e for e in schemas.services()[cls.SERVICE]["entries"]}

    def setUp(self):
        self.called = set()

    def say(self, method, *args, by=None, **how):
        self.called.add(method)
        by = self.root.credentials if by is None else by
        return self.driver.call(by, method, *args, **how)

    def ok(self, method, *args, by=None, **how):
        """The body of a success, which keeps to the method's schema."""
        outcome = self.say(method, *args, by=by, **how)
        self.assertIsNone(outcome.status, "%s%r: %r" % (method, args, outcome))
        output = self.entries[method].get("output")
        if output:
            where = "/schemas/%s/%s" % (self.SERVICE, output)
            self.assertEqual(schemas.problems(outcome.body, where), [])
        return outcome.body

    def fails(self, status, code, method, *args, by=None, **how):
        outcome = self.say(method, *args, by=by, **how)
        self.assertEqual((outcome.status, outcome.code), (status, code), outcome)

    def test_every_method(self):
        for part in (self.monitoring, *self.parts()):
            with self.subTest(part=part.__name__):
                part()
        missing = set(self.entries) - self.called
        self.assertEqual(missing, set(), "methods that no part has called")

    def monitoring(self):
        self.assertTrue(self.ok("ping", by={})["alive"])
        self.assertEqual(self.ok("lbheartbeat", by={}), {})
        self.assertEqual(self.ok("heartbeat", by={}), {})
        self.assertIn("version", self.ok("version", by={}))


class ByPython:
    """PyPI's client."""

    IS_HTTP = True

    @classmethod
    def dial(cls):
        return PythonDriver(cls.server.root_url, cls.SERVICE)


class ByNode:
    """npm's client."""

    IS_HTTP = True

    @classmethod
    def dial(cls):
        return NodeDriver(cls.server.root_url, cls.SERVICE)


class ByRpc:
    """No URLs are signed here, and nothing is redirected."""

    IS_HTTP = False

    @classmethod
    def dial(cls):
        driver = RpcDriver(cls.server.rpc_port(), cls.SERVICE)
        driver.nobody = cls.client("some:scope")
        return driver
