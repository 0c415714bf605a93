@0xa8e3d5c7b1f90246;
# What the runtime itself keeps: messages on their way, timers, events. It knows nothing of what is
# in a body.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schema");

struct Envelope {
  # A row of the inbox table, under the message's number: put by the sender's transaction, deleted
  # by the receiver's. Also the row of a dead letter.
  toKind @0 :UInt16;    # kind of actor; see the registration of kinds
  toKey @1 :Text;       # its key, such as a task id
  fromKind @2 :UInt16;  # kind of the sender; 0 for a dead letter that came from outside
  fromKey @3 :Text;     # its key; empty with kind 0
  attempts @4 :UInt32;  # deliveries that ended without an outcome
  body @5 :Data;        # a message of the receiver's kind, as a flat array of words
  error @6 :Text;       # of a dead letter: why it could not be handled
  parked @7 :Int64;     # of a dead letter: when, ms since 1970
  timer @8 :Text;       # of a timer that was parked: its name; it has no body
  timerDue @9 :Int64;   # when it should have fired, ms since 1970
  timerAttempt @10 :UInt64;  # as it was set
}

struct TimerRow {
  # A row of the timer table, under due time, actor number and name. The due time's highest bit says
  # on which line it is: 0 the wall clock, 1 the line of delays, which sorts behind it.
  kind @0 :UInt16;      # of the actor that is woken
  key @1 :Text;         # of the actor that is woken
  name @2 :Text;        # the actor's own; it has one timer of a name at most
  attempt @3 :UInt64;   # what the timer belongs to; a late one is recognised by it
  delay @4 :Bool;       # wished as a lease or delay; what counts is the line that its key is on
}

struct TimerOfRow {
  # A row of the actor's own list of timers, under actor number and name.
  due @0 :Int64;        # ms, on its line
  attempt @1 :UInt64;  # as in `TimerRow`
  delay @2 :Bool;       # on the line of delays; else on the wall clock: ms since 1970
}

struct DelayLineRow {
  # A row of the table of clocks, under `delays`: how the line of delays goes on after a start. It
  # is in ms and began as the time of day; see runtime/actor/delay_line.h.
  bootId @0 :Text;      # of the kernel's boot that wrote it
  awakeBase @1 :Int64;  # line minus CLOCK_MONOTONIC: how it goes on within that boot
  wallBase @2 :Int64;   # line minus wall clock, to 5 s: how it goes on after another
  written @3 :Int64;    # where the line was
}

struct EventRow {
  # An entry of the event log, under its number: rising, without gaps.
  exchange @0 :Text;    # `exchange/taskcluster-queue/v1/task-pending`
  routingKey @1 :Text;  # the primary one
  cc @2 :List(Text);    # extra routing keys
  time @3 :Int64;       # ms since 1970
  payload @4 :Text;     # JSON
}

struct ChannelRow {
  # A row of the table of channels, under end and shard: see runtime/store/composer.h.
  place @0 :UInt64;     # of the last message: places rise by one, without gaps
}

struct NameRow {
  # A row of the name table, under kind and key.
  number @0 :UInt64;    # the actor's rising internal number; its rows sort by it
}

struct StoreRow {
  # The one row of the meta table that each transaction writes.
  format @0 :UInt32;          # version of the data; see docs/file-format.md
  batch @1 :UInt64;           # number of the transaction
  sequence @2 :UInt64;        # last entry of the committer's queue that is in it
  lastEvent @3 :UInt64;       # number of the newest event; 0 for none
  numbersReserved @4 :UInt64;  # numbers up to here may have been used
  shards @5 :UInt32;          # parts of the data, fixed when it is made
  shard @6 :UInt32;           # which of them this is, from 0; since format 2
}
