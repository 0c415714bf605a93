"""The tests of the queue said by another way than HTTP as it is written: by npm's client, and over
Cap'n Proto RPC. Their callers are replaced, so that what a test says as verb and path goes out as
the method that it meets.

What a way cannot say is a row that is not applicable to it: the test goes on without. Each such row
is marked by its name, with how often it is there, and a mark without its row fails as well."""

import collections
import contextlib
import functools
import sys
import unittest
import urllib.parse

import answers
import schemas
from api_json import Inexpressible
from caller import API, Caller
from contract import Server
from drivers import NodeDriver
from queue_support import QUEUE, TROUPE
from rpc_driver import RpcDriver

MEANT = {*vars(object), "__dict__", "__module__", "__weakref__", "setUpClass", "tearDownClass",
         "shortDescription", "subTest", "refused", "fails", "dial"}  # what `Way` overrides
REDIRECTS = ("getArtifact", "getLatestArtifact")


class Said:
    """What a call was answered with: as caller.Answer, less what only HTTP has."""

    has_headers = False

    def __init__(self, verb, target, status, body):
        self.verb = verb
        self.target = target
        self.status = status
        self.json = body

    @property
    def headers(self):
        raise Inexpressible("headers of an answer")

    @property
    def raw(self):
        raise Inexpressible("bytes of an answer")

    def __repr__(self):
        return "%s %s: %s %s" % (self.verb, self.target, self.status, str(self.json)[:2000])


class Unsaid:
    """In the place of an answer: who looks into it leaves the row."""

    def __init__(self, why):
        self.why = why

    def _leave(self, *_):
        raise Inexpressible(self.why)

    status = json = headers = raw = property(_leave)
    __getitem__ = _leave


class WayCaller(Caller):
    """Says methods of the queue and Troupe's own through a driver, and all else over HTTP."""

    def __init__(self, driver, *how):
        super().__init__(*how)
        self.driver = driver

    def called(self, credentials):
        return WayCaller(self.driver, self.host, self.port, credentials, self.check, self.family)

    def call(self, verb, path, *, api=API, body=None, authorized_scopes=None, **how):
        if api not in (QUEUE, TROUPE):
            return super().call(verb, path, api=api, body=body,
                                authorized_scopes=authorized_scopes, **how)
        target = api + path
        try:
            if how:
                raise Inexpressible("%s of a request" % ", ".join(sorted(how)))
            method, outcome = self._said(verb, target, body, authorized_scopes)
        except Inexpressible as error:
            return Unsaid(str(error))
        answer = Said(verb, target, _status(method, outcome), outcome.error or outcome.body)
        if self.check and (outcome.status is None or self.driver.HAS_HTTP_ERRORS):
            answers.check_body(answer)
        return answer

    def _said(self, verb, target, body, authorized_scopes):
        service, entry = schemas.find_method(verb, target)
        if not entry or verb == "HEAD":
            raise Inexpressible("a request of no method")
        method, takes_body = entry["name"], "input" in entry
        if takes_body != (body is not None):
            raise Inexpressible(method + (": no body" if takes_body else ": a body"))
        parameters = schemas.parameters(verb, target)
        args = [parameters[name] for name in entry["args"]] + ([body] if takes_body else [])
        return method, self.driver.call(
            self.credentials or {}, method, *args, service=service, query=_query(target, entry),
            authorized_scopes=authorized_scopes)


def _query(target, entry):
    pairs = urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query, keep_blank_values=True)
    for name, value in pairs:
        if name not in entry["query"]:
            raise Inexpressible("%s.%s: no such parameter" % (entry["name"], name))
    if len(dict(pairs)) != len(pairs):
        raise Inexpressible("%s: a parameter twice" % entry["name"])
    return dict(pairs)


def _status(method, outcome):
    """The one that HTTP has: clients do not tell that of a success."""
    if outcome.status is not None:
        return outcome.status
    if method in REDIRECTS:
        return 303
    return 204 if outcome.body is None else 200


class WayServer(Server):
    """`dial` makes the driver of its callers."""

    driver = None

    def __init__(self, dial, **settings):
        super().__init__(**settings)
        self.dial = dial

    def start(self):
        ready = super().start()
        self.driver = self.dial(self)
        return ready

    def __exit__(self, *why):
        if self.driver:
            self.driver.close()
        super().__exit__(*why)

    def caller(self, credentials=None, check=answers.check):
        plain = super().caller(credentials, check)
        return WayCaller(self.driver, plain.host, plain.port, credentials, check, self.callers)


class Way:
    """Mixed into a class of tests, by `over`. Subclasses say how to dial."""

    MARKS = {}  # by `Class.test`: what is not applicable, and how often

    @classmethod
    def setUpClass(cls):
        cls.SERVER = functools.partial(WayServer, cls.dial)
        cls.left_out_count = 0
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        print("%s: %d rows not applicable" % (cls.__name__, cls.left_out_count), file=sys.stderr)
        super().tearDownClass()

    def shortDescription(self):
        return None  # a partial method's would tell nothing

    def say_test(self, test):
        self.left_out = collections.Counter()
        with self.leaving_out("the rest, from: "):
            test(self)
        type(self).left_out_count += sum(self.left_out.values())
        name = "%s.%s" % (type(self).__name__, self._testMethodName)
        self.assertEqual(dict(self.left_out), self.MARKS.get(name, {}),
                         "%s: what is not applicable is not what is marked so" % name)

    @contextlib.contextmanager
    def leaving_out(self, place=""):
        try:
            yield
        except Inexpressible as error:
            self.left_out[place + str(error)] += 1

    @contextlib.contextmanager
    def subTest(self, *args, **what):
        with super().subTest(*args, **what), self.leaving_out():
            yield

    def refused(self, answer, *args):
        if not isinstance(answer, Unsaid):
            return super().refused(answer, *args)
        self.left_out[answer.why] += 1
        return answer

    def fails(self, *how, **more):
        with self.leaving_out():
            super().fails(*how, **more)


class NodeWay(Way):
    """npm's client, which tells errors as HTTP has them."""

    @staticmethod
    def dial(server):
        return NodeDriver(server.root_url, "queue")


class RpcWay(Way):
    """Cap'n Proto RPC, where errors are a code and a text."""

    @staticmethod
    def dial(server):
        return RpcDriver(server.rpc_port(), "queue")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.driver.nobody = cls.client("some:scope")


def over(way, marks, *classes):
    """The same classes of tests by this way, by name."""
    made = {}
    for cls in classes:
        shadowed = {name for name in vars(Way) if hasattr(cls, name)} - MEANT
        assert not shadowed, "%s has a %s of its own" % (cls.__name__, shadowed)
        tests = {name: functools.partialmethod(way.say_test, getattr(cls, name))
                 for name in unittest.defaultTestLoader.getTestCaseNames(cls)}
        made[cls.__name__] = type(cls.__name__, (way, cls), {**tests, "MARKS": marks})
    return made
