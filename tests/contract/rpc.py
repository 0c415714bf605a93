"""Cap'n Proto RPC to the server through pycapnp, with no other schema than the product's schema/
and the standard files of libcapnp-dev. Run inside `capnp.kj_loop()`."""

import asyncio
import hashlib
import hmac
import os

import capnp

import hawk
import kept_logs

STANDARD_FILES = "/usr/include"
capnp.remove_import_hook()
SESSION = capnp.load(os.path.join(os.environ["TROUPE_SOURCE"], "schema", "rpc", "session.capnp"),
                     imports=[STANDARD_FILES])


class Refused(Exception):
    """An error that the server answered with: `code` as over HTTP, and `text`."""

    def __init__(self, error):
        said = error.description.removeprefix("remote exception: ")
        self.code, _, self.text = said.partition(": ")
        super().__init__("%s: %s" % (self.code, self.text))


async def call(promise):
    """The result of a call; Refused if the server answers with an error."""
    try:
        return await promise
    except capnp.KjException as error:
        raise Refused(error) from error


class Connection:
    """One connection, and the capabilities behind it."""

    @classmethod
    async def dial(cls, port):
        made = cls()
        stream = await capnp.AsyncIoStream.create_connection(host="127.0.0.1", port=port)
        made.client = capnp.TwoPartyClient(stream)
        made.gateway = made.client.bootstrap().cast_as(SESSION.Gateway)
        return made

    async def authenticate(self, credentials, authorized_scopes=None):
        """A session for who proves by a MAC over the server's nonce to have the token, which may
        be temporary and limit itself to some scopes."""
        hello = await call(self.gateway.hello())
        name = credentials["clientId"].encode()
        ext = hawk.ext_of(credentials, authorized_scopes)
        text = b"troupe rpc 1\n" + hello.nonce + b"\n" + name
        if ext:
            text += b"\n" + ext.encode()
        mac = hmac.new(credentials["accessToken"].encode(), text, hashlib.sha256).digest()
        kept_logs.plant(credentials["accessToken"])
        answer = await call(self.gateway.authenticate(
            clientId=credentials["clientId"], mac=mac, ext=ext))
        return answer.session

    async def auth(self, credentials, authorized_scopes=None):
        """The service auth as these credentials have it."""
        session = await self.authenticate(credentials, authorized_scopes)
        return (await call(session.auth())).auth

    async def queue(self, credentials):
        """The queue as these credentials have it."""
        return (await call((await self.authenticate(credentials)).queue())).queue

    async def troupe(self, credentials):
        """Troupe's own methods as these credentials have them."""
        return (await call((await self.authenticate(credentials)).troupe())).troupe


def method_names(service):
    """All methods of a service (`auth`) of sessions, with those that it shares with others."""
    result = SESSION.Session.schema.methods[service].result_type
    return set(result.fields[service].schema.method_names_inherited)


def server_of(service, method, parameter):
    """The base class of what implements a capability that a method of a session's service takes.
    (Its own file cannot be loaded beside SESSION, which imports it.)"""
    types = SESSION.Session.schema.methods[service].result_type.fields[service].schema.methods
    schema = types[method].param_type.fields[parameter].schema
    return capnp.lib.capnp._InterfaceModule(schema, parameter).Server


def run(coroutine):
    """Runs a coroutine to its end; answers its result."""
    async def inside():
        async with capnp.kj_loop():
            return await asyncio.wait_for(coroutine, 120)

    return asyncio.run(inside())


def ask(port, credentials, method, **arguments):
    """What one of Troupe's methods answers, over a connection of its own; Refused if it is an
    error."""
    async def asked():
        connection = await Connection.dial(port)  # has to outlive the call
        troupe = await connection.troupe(credentials)
        return (await call(getattr(troupe, method)(**arguments))).to_dict()

    return run(asked())
