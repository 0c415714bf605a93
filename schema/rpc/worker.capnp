@0x9c2e4b7d1fa3e685;
# What workers say. A worker dials out, registers and is pushed claims; a Claim is a capability
# that alone can reclaim or resolve its run.

using Cxx = import "/capnp/c++.capnp";
using A = import "../api/annotations.capnp";
using Q = import "../api/queue_types.capnp";
using Stream = import "stream.capnp";
using W = import "worker_types.capnp";
$Cxx.namespace("troupe::schema");

struct ClaimOffer {
  # A claim as the worker gets it: all that it needs to run the task.
  held @0 :W.HeldClaim;    # what to name it by after a reconnect
  takenUntil @1 :Int64;  # ms since 1970; reclaim before
  task @2 :Q.TaskDefinition;  # null only in `kept`, of a run that has ended meanwhile
  status @3 :Q.TaskStatus;  # shows the run as running; null as `task` is
  claim @4 :Claim;       # renews and resolves this run, and no other
  logOffset @5 :UInt64;  # bytes of the run's log that are kept already
}

interface ClaimSink {
  # The worker's end of the stream of claims.
  push @0 (offers :List(ClaimOffer));  # answered once the worker has them
  revoke @1 (held :W.HeldClaim);   # the run was cancelled or is somebody else's: stop it
  displaced @2 (host :Text);
  # Another process, on `host`, has registered under this worker's name, and its runs are lost: end.
  # From then on `Registration.setWindow` fails with `RequestConflict`.
}

interface WorkerService
    $A.service((name = "worker", title = "Workers",
                description = "What workers say over RPC.")) {
  # What a session gives a worker.
  register @0 (info :W.WorkerInfo, held :List(W.HeldClaim), sink :ClaimSink)
      -> (registration :Registration, kept :List(ClaimOffer), lost :List(W.HeldClaim))
      $A.method((access = (needs = (allOf = [
                     (scope = "queue:claim-work:<taskQueueId>"),
                     (scope = "queue:worker-id:<workerGroup>/<workerId>")])),
                 title = "Register"));
  # `held`: what the worker still runs, after a lost connection. `kept` are still its own; it stops
  # those in `lost`. A later registration of the same worker ends the earlier one.
  claimTask @1 (taskId :Text, runId :UInt32, workerGroup :Text, workerId :Text)
      -> (offer :ClaimOffer)
      $A.method((access = (needs = (allOf = [
                     (scope = "queue:claim-work:<taskQueueId>"),
                     (scope = "queue:worker-id:<workerGroup>/<workerId>")])),
                 title = "Claim Task"));
  # Claims one pending run by name.
}

interface Registration {
  # Dropped with the connection: then the worker's lease begins to run.
  setWindow @0 (slots :UInt32, pause :Text);
  # How many more claims it can take now. The server never has more unanswered ones. Claims that
  # were pushed and are not answered yet come out of `slots`: a claim uses up room once its push has
  # been answered, not before. More than the capacity counts as that. `pause`: why it takes none
  # although it has room, for people (`disk: 1.2 GiB free of 5.0 GiB wanted in DIR`); empty: it does
  # not pause. Longer than 300 bytes it is cut.
  leave @1 ();
  # A clean goodbye: no claims are pushed any more.
  resolve @2 (reports :List(W.RunReport)) -> (answers :List(W.ReportAnswer));
  # Many `Claim.resolve` in one call: at most 100, of claims that were pushed to this registration
  # or kept by it. The answers are in the order of the reports; one that is refused does not keep
  # the others.
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
  createArtifact @4 (artifact :W.NewArtifact) -> ();
  # After the upload of its blob.
  download @5 (taskId :Text, name :Text, offset :UInt64, sink :Stream.ByteStream)
      -> (artifact :Q.Artifact, sha256 :Data, size :UInt64);
  # The latest run's artifact of a task that this one depends on, if the task's scopes allow it.
  resolve @6 (outcome :W.Outcome, reason :Q.ReasonResolved, logSize :UInt64)
      -> (status :Q.TaskStatus);
  # `reason` only with `exception`. `logSize`: the whole log, which must have arrived.
}
