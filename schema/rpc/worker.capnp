@0x9c2e4b7d1fa3e685;
# What workers say. A worker dials out, registers and is pushed claims; a Claim is a capability
# that alone can reclaim or resolve its run.

using Cxx = import "/capnp/c++.capnp";
using Q = import "../api/queue.capnp";
using Stream = import "stream.capnp";
$Cxx.namespace("troupe::schema");

struct WorkerInfo {
  # Who a worker is, and how much it takes.
  taskQueueId @0 :Text;  # the pool it serves
  workerGroup @1 :Text;  # 1..38 of A-Z a-z 0-9 - _; by default its host
  workerId @2 :Text;     # the same alphabet; unlike all others of its group and pool
  capacity @3 :UInt32;   # tasks it runs at once, 1..200
  host @4 :Text;         # for people
  version @5 :Text;      # of its program, such as `0.1.0`; for people
  process @6 :UInt64;    # chosen at random by each process: a new one knows nothing of old claims
}

struct HeldClaim {
  # Names one worker's hold on one run.
  taskId @0 :Text;       # whose run it is
  runId @1 :UInt32;      # 0 for the task's first
  token @2 :UInt64;      # names the run's claim; survives reclaims and reconnects
}

struct ClaimOffer {
  # A claim as the worker gets it: all that it needs to run the task.
  held @0 :HeldClaim;    # what to name it by after a reconnect
  takenUntil @1 :Int64;  # ms since 1970; reclaim before
  task @2 :Q.TaskDefinition;  # null only in `kept`, of a run that has ended meanwhile
  status @3 :Q.TaskStatus;  # shows the run as running; null as `task` is
  claim @4 :Claim;       # renews and resolves this run, and no other
  logOffset @5 :UInt64;  # bytes of the run's log that are kept already
}

interface ClaimSink {
  # The worker's end of the stream of claims.
  push @0 (offer :ClaimOffer);   # answered once the worker has it
  revoke @1 (held :HeldClaim);   # the run was cancelled or is somebody else's: stop it
  displaced @2 (host :Text);
  # Another process, on `host`, has registered under this worker's name, and its runs are lost: end.
  # From then on `Registration.setWindow` fails with `RequestConflict`.
}

interface WorkerService {
  # What a session gives a worker.
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
  setWindow @0 (slots :UInt32, pause :Text);
  # How many more claims it can take now. The server never has more unanswered ones. `pause`: why it
  # takes none although it has room, for people (`disk: 1.2 GiB free of 5.0 GiB wanted in DIR`);
  # empty: it does not pause. Longer than 300 bytes it is cut.
  leave @1 ();
  # A clean goodbye: no claims are pushed any more.
}

enum Outcome {
  # How a worker says that a run has ended.
  completed @0;  # all commands ended well
  failed @1;     # a command ended badly, or an artifact that was asked for is missing
  exception @2;  # for the reason that comes with it; some are retried
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

interface Claim {
  # A worker's hold on one run. Once the run is another's or has ended, what would change it is
  # refused with `RequestConflict`; a repeated `resolve` is answered as the first was.
  reclaim @0 () -> (takenUntil :Int64);
  # Renews it for another `queue.claim_timeout`; takenUntil: ms since 1970, reclaim again before.
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
