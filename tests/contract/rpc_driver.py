"""Calls of the HTTP API said over Cap'n Proto RPC: as the drivers of drivers.py, from outside of
any event loop, and from any thread."""

import asyncio
import json
import threading

import answers
import api_json
import capnp
import kept_logs
import rpc
import schemas
from api_json import Inexpressible
from drivers import Outcome

CALL_SECONDS_MAX = 120
ERROR_ARTIFACT = {"storageType": "error", "url": ""}  # where HTTP tells why there are no bytes


class RpcDriver:
    """One connection, with a session for each caller, in a thread that has the event loop."""

    HAS_HTTP_ERRORS = False

    def __init__(self, port, service="auth"):
        self.service = service
        self.nobody = None  # who speaks for callers without credentials: a session is somebody's
        self.loop = asyncio.new_event_loop()
        self.port = port
        self.begun, self.ended = asyncio.Event(), asyncio.Event()
        self.opening = asyncio.Lock()
        self.services = {}
        self.connection = None
        self.thread = threading.Thread(target=self.loop.run_until_complete, args=(self._live(),))
        self.thread.start()

    async def _live(self):
        async with capnp.kj_loop():
            self.begun.set()
            await self.ended.wait()
            self.services.clear()
            self.connection = None

    def close(self):
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join()
        self.loop.close()

    def call(self, credentials, method, *args, service=None, query=None, authorized_scopes=None):
        """`args` are those of the path in their order, then the body."""
        service = service or self.service
        kind = _methods(service)[method]
        arguments = _arguments(service, method, kind.param_type, args, query or {})
        said = self._call((service, credentials or self.nobody, authorized_scopes), method,
                          arguments, kind.result_type)
        outcome = asyncio.run_coroutine_threadsafe(said, self.loop).result(CALL_SECONDS_MAX)
        if outcome.status is None and outcome.body == ERROR_ARTIFACT:
            raise Inexpressible("%s: why there are no bytes" % method)
        return outcome

    async def _call(self, session, method, arguments, result_type):
        """Nothing of Cap'n Proto's leaves this: it may be dropped in this thread alone."""
        await self.begun.wait()
        try:
            async with self.opening:
                capability = await self._capability(*session)
            request = getattr(capability, method + "_request")()
            for name, value in arguments.items():
                setattr(request, name, value)
            return Outcome(_body(await rpc.call(request.send()), result_type))
        except rpc.Refused as error:
            return Outcome(status=answers.STATUS[error.code],
                           error={"code": error.code, "message": error.text})

    async def _capability(self, service, credentials, authorized_scopes):
        key = (service, tuple(sorted(credentials.items())),
               authorized_scopes and tuple(authorized_scopes))
        if not self.connection:
            # Not before the first call: who has not proven who it is does not stay connected.
            self.connection = await rpc.Connection.dial(self.port)
        if key not in self.services:
            session = await self.connection.authenticate(credentials, authorized_scopes)
            answer = await rpc.call(getattr(session, service)())
            self.services[key] = getattr(answer, service)
        return self.services[key]


def _methods(service):
    result = rpc.SESSION.Session.schema.methods[service].result_type
    return result.fields[service].schema.methods_inherited


def _arguments(service, method, parameters, args, query):
    """By name, as pycapnp takes them."""
    entry = schemas.entry(service, method)
    body = args[len(entry["args"]):]
    given = {**dict(zip(entry["args"], args)), **query}
    made = {}
    for key, field in api_json.fields(parameters).items():
        where = "%s.%s" % (method, key)
        if key in given:
            text = given[key]
            made[field.name] = text if field.kind == "text" else _number(text, field.kind, where)
        elif field.kind == "struct" and body:
            made[field.name] = api_json.encoded(body[0], field.schema, method)
    return made


def _body(answer, schema):
    """None of a method that answers with nothing: a structure without a name that is empty."""
    if not schema.fieldnames and schema.node.displayName.endswith("$Results"):
        return None
    body = api_json.decoded(answer, schema)
    kept_logs.plant(*kept_logs.secrets_in(json.dumps(body)))
    return body


def _number(text, kind, where):
    try:
        return api_json.encoded_value(int(text), kind, None, where)
    except ValueError as error:
        raise Inexpressible("%s: %r is no number" % (where, text)) from error
