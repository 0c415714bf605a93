@0xe3b1d94a70c6258f;
# What one transaction of a shard changes, as one byte string that names nothing outside itself: it
# can be kept, sent to another machine and applied there.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schema");

struct RowChange {
  # Keys and values are multiples of 8 bytes long. A value is as its owner wrote it: splitting long
  # ones is the business of whoever applies the batch.
  table @0 :UInt16;     # number of the table
  key @1 :Data;         # 8 to 504 bytes
  union {
    value @2 :Data;     # the row as it is from now on
    deleted @3 :Void;   # the row is gone; that it was not there is no error
  }
}

struct Batch {
  # What one transaction of a shard changes: names nothing outside itself.
  format @0 :UInt32;           # of the data that it changes, as in the meta row
  shard @1 :UInt32;            # from 0
  batch @2 :UInt64;            # number of the transaction
  sequence @3 :UInt64;         # last entry of the committer's queue that is in it
  lastEvent @4 :UInt64;        # number of the newest event; 0 for none
  numbersReserved @5 :UInt64;  # numbers up to here may have been used
  rows @6 :List(RowChange);    # each row at most once; by table and key is fastest
}
