@0xf7a91d3c6be85240;
# How a connection begins. Nobody gets past `Gateway` without proving credentials.

using Cxx = import "/capnp/c++.capnp";
using Queue = import "../api/queue.capnp";
using Own = import "../api/troupe.capnp";
using Worker = import "worker.capnp";
$Cxx.namespace("troupe::schema");

const protocolVersion :UInt32 = 1;
# Raised when an older peer can no longer be understood.

interface Gateway {
  # The bootstrap capability of every connection.
  hello @0 () -> (protocol :UInt32, version :Text, nonce :Data);
  # The nonce is 32 bytes, of this connection alone.
  authenticate @1 (clientId :Text, mac :Data) -> (session :Session);
  # mac = HMAC-SHA256(key = accessToken, "troupe rpc 1\n" + nonce + "\n" + clientId). The token
  # never travels. One nonce is good for one attempt; ask `hello` again after a refusal.
}

interface Session {
  # What a proven client may use. Methods it lacks the scopes for are refused.
  queue @0 () -> (queue :Queue.Queue);
  # Tasks, groups and artifacts; for the root token alone.
  troupe @1 () -> (troupe :Own.Troupe);
  # Troupe's own methods; for the root token alone.
  workers @2 () -> (workers :Worker.WorkerService);
  # For workers: with a worker's token limited to its pool.
}
