@0xc3f5a7e9b1d20634;
# Bytes that are too many for one message.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schema");

interface ByteStream {
  # The receiver's end. `write` returns when the receiver wants more; dropping the capability
  # without `end` means that the sender failed.
  write @0 (bytes :Data) -> stream;  # at most 1 MiB
  end @1 ();                         # nothing follows; answered when all was taken
}
