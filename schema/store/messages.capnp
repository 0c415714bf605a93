@0x8f3b6d2e91c7a045;
# What durable actors are told and what they answer. One union for each kind of actor: commands come
# from outside and are answered by a reply, the rest comes from other actors or from themselves.

using Cxx = import "/capnp/c++.capnp";
using Q = import "../api/queue.capnp";
using W = import "../rpc/worker.capnp";
$Cxx.namespace("troupe::schema");

struct WorkerName {
  taskQueueId @0 :Text;
  workerGroup @1 :Text;
  workerId @2 :Text;
}

struct Refusal {
  code @0 :UInt8;      # troupe::Errc; 0: not refused
  message @1 :Text;
}

struct TaskMessage {
  # To the actor of one task; its key is the task id.
  union {
    create :group {               # command -> TaskStatus
      definition @0 :Q.TaskDefinition;  # normalised: defaults filled in, dates in range
      hold @1 :Bool;              # no run before the group releases it
    }
    schedule @2 :Void;            # command -> TaskStatus
    rerun @3 :Void;               # command -> TaskStatus
    cancel @4 :Void;              # command -> TaskStatus
    reclaim @5 :ClaimRef;         # command -> TaskReply.takenUntil
    resolve :group {              # command -> TaskStatus
      claim @6 :ClaimRef;
      outcome @7 :W.Outcome;
      reason @8 :Q.ReasonResolved;
      artifacts @9 :List(ArtifactPut);  # made with the resolution: the log
    }
    putArtifact :group {          # command -> Void
      claimRef @10 :ClaimRef;
      artifact @11 :ArtifactPut;
    }
    claimByName :group {          # command -> Void; the claim itself goes the worker's way
      runId @12 :UInt32;
      worker @13 :WorkerName;
      session @14 :UInt64;
    }

    groupAnswer @15 :GroupAnswer;          # from the group: to mayJoin and join
    groupToldAnswer @16 :Void;             # from the group: to memberResolved
    release @17 :Void;                     # from the group
    addEdge :group {                       # from a dependent
      requires @18 :Q.Requires;
      expires @19 :Int64;                  # of the dependent
    }
    removeEdge @20 :Void;                  # from a dependent that was refused after all
    edgeAnswer :group {                    # from a required task: to addEdge
      result @21 :EdgeResult;
      expires @22 :Int64;                  # of the required task
    }
    satisfied @23 :Void;                   # from a required task: it ended as asked
    satisfiedAnswer @24 :Void;             # from a dependent
    entryStored @25 :UInt32;               # from the queue: run id whose entry is in it
    claimRun :group {                      # from the queue: a worker waits for it
      entryRunId @26 :UInt32;
      entryWorker @27 :WorkerName;
      entrySession @28 :UInt64;
    }
    workerLost @29 :ClaimRef;              # from the worker: its lease is over
    continueEdges @30 :Void;               # from itself: the next slice of dependencies to ask
    continueDependents @31 :Void;          # from itself: the next slice of dependents to tell
    keepLog :group {              # command -> Void: a run has ended, by whatever means
      keptRunId @32 :UInt32;
      keptLog @33 :List(ArtifactPut);      # the names of its log; those that exist stay as they are
    }
  }
}

enum EdgeResult {
  missing @0;    # no such task
  satisfied @1;  # it has ended as asked already
  notYet @2;
}

struct ClaimRef {
  runId @0 :UInt32;
  token @1 :UInt64;  # of the claim
}

struct ArtifactPut {
  name @0 :Text;
  storageType @1 :Text;     # `s3`, `link` or `error`
  contentType @2 :Text;
  expires @3 :Int64;        # 0: with the task
  size @4 :UInt64;          # of a blob
  sha256 @5 :Data;          # of a blob
  link @6 :Text;            # target of a link
  reason @7 :Text;          # of an error
  message @8 :Text;         # of an error
}

struct GroupAnswer {
  refusal @0 :Refusal;
  joined @1 :Bool;     # the answer to join (final), not to mayJoin
}

struct TaskGroupMessage {
  # To the actor of one group; its key is the group id.
  union {
    seal @0 :Void;              # command -> TaskGroup
    release @1 :Void;           # command -> Released
    mayJoin :group {            # from a task: nothing is stored
      schedulerId @2 :Text;
    }
    join :group {               # from a task: final
      joinSchedulerId @3 :Text;
      expires @4 :Int64;        # of the task
      held @5 :Bool;
      name @6 :Text;            # of the task, for people
    }
    memberResolved @7 :Void;    # from a task: it has ended, perhaps again
    releaseAnswer @8 :Void;     # from a task: to release
  }
}

struct Released {
  count @0 :UInt64;
}

struct TaskQueueMessage {
  # To the actor of one task queue; its key is `provisionerId/workerType`.
  union {
    await :group {              # command -> AwaitAnswer: a worker's slots
      worker @0 :WorkerName;
      session @1 :UInt64;
      slots @2 :Int32;          # how many more claims it takes; negative: fewer
    }
    leave @3 :UInt64;           # command -> Void: session that is gone
    putEntry :group {           # from a task: a run is pending
      runId @4 :UInt32;
      priority @5 :Q.Priority;
      number @6 :UInt64;        # its place within the priority
    }
    removeEntry :group {        # from a task: the run is no longer pending
      atPriority @7 :Q.Priority;
      atNumber @8 :UInt64;
    }
    claimAnswer :group {        # from a task: to claimRun
      ofSession @9 :UInt64;
      accepted @10 :Bool;
    }
    continueMatching @11 :Void;  # from itself
  }
}

struct AwaitAnswer {
  removed @0 :UInt32;   # slots taken back, after a negative number
}

struct WorkerMessage {
  # To the actor of one worker; its key is `provisionerId/workerType/workerGroup/workerId`.
  union {
    connect :group {            # command -> WorkerPush, again and again
      session @0 :UInt64;
      info @1 :W.WorkerInfo;
      held @2 :List(W.HeldClaim);
    }
    disconnect @3 :UInt64;      # command -> Void: session whose connection is lost
    farewell @4 :UInt64;        # command -> Void: session that said goodbye
    claimed :group {            # from a task: a run is this worker's
      claim @5 :W.HeldClaim;
      claimSession @6 :UInt64;  # the session that waited for it
    }
    claimEnded :group {         # from a task
      ended @7 :W.HeldClaim;
      revoked @8 :Bool;         # not by the worker's own report: tell it to stop
    }
    restarted @9 :Void;         # command, at the server's start: no connection has survived
  }
}

struct WorkerPush {
  # What a worker's actor tells the edge of its session.
  union {
    connected :group {
      kept @0 :List(W.HeldClaim);    # of those it named
      lost @1 :List(W.HeldClaim);    # of those it named
      missed @2 :List(W.HeldClaim);  # its own, that it did not name
    }
    claimed @3 :W.HeldClaim;
    revoked @4 :W.HeldClaim;
    replaced @5 :Void;               # a later session has taken over
  }
}

struct ClientMessage {
  # To the actor of one client; its key is the client id.
  union {
    createToken :group {             # command -> Void
      pool @0 :Text;
      accessToken @1 :Data;          # encrypted
      expires @2 :Int64;
    }
    revoke @3 :Void;                 # command -> Void
  }
}
