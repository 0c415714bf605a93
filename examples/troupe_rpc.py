"""A session of Troupe over Cap'n Proto RPC, for whoever the environment names. The access token stays
at home: its owner proves to have it by a MAC over the server's nonce (schema/rpc/session.capnp)."""

import asyncio
import hashlib
import hmac
import os

import capnp
from capnp import KjException  # what a call that fails raises

SCHEMA = os.path.join(os.path.dirname(__file__), "..", "schema", "rpc", "session.capnp")
session_schema = capnp.load(SCHEMA, imports=["/usr/include"])


def run(main):
    """Runs `main(session)` with the session of TASKCLUSTER_CLIENT_ID at TROUPE_RPC."""
    asyncio.run(capnp.run(_with_session(main)))


async def _with_session(main):
    host, port = os.environ["TROUPE_RPC"].rsplit(":", 1)
    stream = await capnp.AsyncIoStream.create_connection(host=host, port=port)
    client = capnp.TwoPartyClient(stream)  # the connection lasts as long as this
    await main(await _authenticate(client.bootstrap().cast_as(session_schema.Gateway)))


async def _authenticate(gateway):
    client_id = os.environ["TASKCLUSTER_CLIENT_ID"]
    access_token = os.environ["TASKCLUSTER_ACCESS_TOKEN"]
    nonce = (await gateway.hello()).nonce
    proof = b"troupe rpc 1\n" + nonce + b"\n" + client_id.encode()
    mac = hmac.digest(access_token.encode(), proof, hashlib.sha256)
    return (await gateway.authenticate(clientId=client_id, mac=mac)).session
