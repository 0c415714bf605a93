@0xb7d2f4a86c1e3950;
# Readers of the event log that the platform keeps itself: what their actors keep and are told. Keys
# of rows are in the comments: every key begins with the actor's number.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schema");

struct SubscriptionRow {
  # Table subscriptions, key (): one for each reader. Also the answer to commands.
  name @0 :Text;              # the actor's key: `amqp`; `log` for the log itself
  log @1 :Text;               # of `log`: what its positions begin with; else empty
  position @2 :List(UInt64);  # for each shard, the last event it is done with; of `log` empty
}

struct SubscriptionMessage {
  # To the actor of one reader; its key is as in SubscriptionRow.
  union {
    begin :group {                # command -> SubscriptionRow; one that is there stays as it is
      log @0 :Text;               # as in the row
      position @1 :List(UInt64);  # where it begins
    }
    advance @2 :List(UInt64);     # command -> SubscriptionRow; it never goes back
  }
}
