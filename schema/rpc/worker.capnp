@0x9c2e4b7d1fa3e685;
# What workers say. A worker dials out, registers and is pushed claims; a Claim is a capability
# that alone can reclaim or resolve its run.

using Cxx = import "/capnp/c++.capnp";
using Q = import "../api/queue.capnp";
using Stream = import "stream.capnp";
$Cxx.namespace("troupe::schema");

struct WorkerInfo {
  taskQueueId @0 :Text;  # the pool it serves
  workerGroup @1 :Text;
  workerId @2 :Text;
  capacity @3 :UInt32;   # tasks it runs at once, 1..200
  host @4 :Text;         # for people
  version @5 :Text;
  process @6 :UInt64;    # chosen at random by each process: a new one knows nothing of old claims
}

struct HeldClaim {
  taskId @0 :Text;
  runId @1 :UInt32;
  token @2 :UInt64;      # names the run's claim; survives reclaims and reconnects
}

struct ClaimOffer {
  held @0 :HeldClaim;
  takenUntil @1 :Int64;  # ms since 1970; reclaim before
  task @2 :Q.TaskDefinition;
  status @3 :Q.TaskStatus;
  claim @4 :Claim;
  logOffset @5 :UInt64;  # bytes of the run's log that are kept already
}

interface ClaimSink {
  # The worker's end of the stream of claims.
  push @0 (offer :ClaimOffer);   # answered once the worker has it
  revoke @1 (held :HeldClaim);   # the run was cancelled or is somebody else's: stop it
}

interface WorkerService {
  register @0 (info :WorkerInfo, held :List(HeldClaim), sink :ClaimSink)
      -> (registration :Registration, kept :List(ClaimOffer), lost :List(HeldClaim));
  # `held`: what the worker still runs, after a lost connection. `kept` are still its own; it stops
  # those in `lost`. A later registration of the same worker ends the earlier one.
  claimTask @1 (taskId :Text, runId :UInt32, workerGroup :Text, workerId :Text)
      -> (offer :ClaimOffer);
  # Claims one pending run by name.
}

interface Registration {
  # Dropped with the connection: then the worker's lease begins to run.
  setWindow @0 (slots :UInt32);
  # How many more claims it can take now. The server never has more unanswered ones.
  leave @1 ();
  # A clean goodbye: no claims are pushed any more.
}

enum Outcome {
  completed @0;
  failed @1;
  exception @2;
}

struct NewArtifact {
  name @0 :Text;         # 1..1024 printable ASCII characters
  expires @1 :Int64;     # ms since 1970; 0: with the task
  contentType @2 :Text;
  union {
    blob :group {        # bytes kept here
      sha256 @3 :Data;   # 32 bytes
      size @4 :UInt64;
    }
    error :group {       # why there are none
      reason @5 :Text;   # `file-missing-on-worker`, `invalid-resource-on-worker`...
      message @6 :Text;
    }
    link @7 :Text;       # another artifact of this run
  }
}

interface Claim {
  reclaim @0 () -> (takenUntil :Int64);
  appendLog @1 (offset :UInt64, bytes :Data) -> stream;
  # `offset` is where `bytes` begin: what is kept already is skipped, a gap is refused.
  syncLog @2 () -> (offset :UInt64);
  # Answers with how much of the log is on disk; the worker may forget that much.
  upload @3 (sha256 :Data, size :UInt64) -> (offset :UInt64, sink :Stream.ByteStream);
  # Where to send the bytes of a blob, from `offset`; a null sink: it is here already. The blob is
  # kept, whole and checked, when the sink's `end` has returned.
  createArtifact @4 (artifact :NewArtifact) -> ();
  # After the upload of its blob.
  download @5 (taskId :Text, name :Text, offset :UInt64, sink :Stream.ByteStream)
      -> (artifact :Q.Artifact, sha256 :Data, size :UInt64);
  # The latest run's artifact of a task that this one depends on, if the task's scopes allow it.
  resolve @6 (outcome :Outcome, reason :Q.ReasonResolved, logSize :UInt64)
      -> (status :Q.TaskStatus);
  # `reason` only with `exception`. `logSize`: the whole log, which must have arrived.
}
