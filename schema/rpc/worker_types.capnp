@0xd1f50c8a6e93b247;
# What workers and the server tell each other, apart from the methods, since most of the program
# needs no more than this.

using Cxx = import "/capnp/c++.capnp";
using Q = import "../api/queue_types.capnp";
$Cxx.namespace("troupe::schema");

struct Resource {
  # An amount of something that tasks use up while they run: what one needs, or a worker has.
  name @0 :Text;     # `cpu`, `memory`, or a token's name: 1..100 of a-z A-Z 0-9 _ . -
  amount @1 :UInt64; # thousandths of a processor, bytes, or a number of tokens
}

struct WorkerInfo {
  # Who a worker is, and how much it takes.
  taskQueueId @0 :Text;  # the pool it serves
  workerGroup @1 :Text;  # 1..38 of A-Z a-z 0-9 - _; by default its host
  workerId @2 :Text;     # the same alphabet; unlike all others of its group and pool
  capacity @3 :UInt32;   # tasks it runs at once, 1..200
  host @4 :Text;         # for people
  version @5 :Text;      # of its program, such as `0.1.0`; for people
  process @6 :UInt64;    # chosen at random by each process: a new one knows nothing of old claims
  resources @7 :List(Resource);
  # What it has for all its tasks together; null: it takes every task, whatever that asks for.
}

struct HeldClaim {
  # Names one worker's hold on one run.
  taskId @0 :Text;       # whose run it is
  runId @1 :UInt32;      # 0 for the task's first
  token @2 :UInt64;      # names the run's claim; survives reclaims and reconnects
}

enum Outcome {
  # How a worker says that a run has ended.
  completed @0;  # all commands ended well
  failed @1;     # a command ended badly, or an artifact that was asked for is missing
  exception @2;  # for the reason that comes with it; some are retried
}

struct RunReport {
  # How one of a worker's runs has ended.
  held @0 :HeldClaim;           # as it was pushed
  outcome @1 :Outcome;          # how
  reason @2 :Q.ReasonResolved;  # counts only with the outcome exception
  logSize @3 :UInt64;           # the whole log, which must have arrived
}

struct ReportAnswer {
  # What became of a report.
  union {
    status @0 :Q.TaskStatus;  # the run has ended so
    error :group {            # nothing has changed
      code @1 :Text;          # `RequestConflict`...
      message @2 :Text;       # for people: what is wrong
    }
  }
}

struct NewArtifact {
  # What is to be known as an artifact of the claim's run.
  name @0 :Text;         # 1..1024 printable ASCII characters
  expires @1 :Int64;     # ms since 1970; 0: with the task
  contentType @2 :Text;  # MIME type of what it holds
  union {
    blob :group {        # bytes kept here
      sha256 @3 :Data;   # 32 bytes
      size @4 :UInt64;   # bytes
    }
    error :group {       # why there are none
      reason @5 :Text;   # `file-missing-on-worker`, `invalid-resource-on-worker`...
      message @6 :Text;  # for people: what went wrong
    }
    link @7 :Text;       # another artifact of this run
  }
}
