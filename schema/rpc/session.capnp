@0xf7a91d3c6be85240;
# How a connection begins. Nobody gets past `Gateway` without proving credentials.

using Cxx = import "/capnp/c++.capnp";
using Auth = import "../api/auth.capnp";
using Objects = import "../api/object.capnp";
using Queue = import "../api/queue.capnp";
using Own = import "../api/troupe.capnp";
using Worker = import "worker.capnp";
$Cxx.namespace("troupe::schema");

const protocolVersion :UInt32 = 2;
# Raised when an older peer can no longer be understood.

interface Gateway {
  # The bootstrap capability of every connection.
  hello @0 () -> (protocol :UInt32, version :Text, nonce :Data);
  # The nonce is 32 bytes, of this connection alone.
  authenticate @1 (clientId :Text, mac :Data, ext :Text) -> (session :Session);
  # mac = HMAC-SHA256(key = accessToken, "troupe rpc 1\n" + nonce + "\n" + clientId), and of "\n" +
  # ext behind it, if that is not empty. The token never travels. One nonce is good for one attempt;
  # ask `hello` again after a refusal. `ext`: as in the Hawk header, for temporary credentials and
  # for sessions that may do less than their client.
}

interface Session {
  # What a proven client may use. Each call of a method is checked against the scopes that the
  # client has at that moment, with those that everybody has; one that is disabled meanwhile is
  # refused.
  queue @0 () -> (queue :Queue.Queue);        # tasks, groups and artifacts
  troupe @1 () -> (troupe :Own.Troupe);       # Troupe's own methods
  workers @2 () -> (workers :Worker.WorkerService);
  # For workers: a registration needs the scopes of its queue and name.
  auth @3 () -> (auth :Auth.Auth);            # clients, roles and scopes
  object @4 () -> (object :Objects.Object);   # immutable bytes by name
}
