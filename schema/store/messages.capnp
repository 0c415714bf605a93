@0x8f3b6d2e91c7a045;
# What durable actors are told and what they answer. One union for each kind of actor: commands come
# from outside and are answered by a reply, the rest comes from other actors or from themselves.

using Cxx = import "/capnp/c++.capnp";
using Q = import "../api/queue_types.capnp";
using W = import "../rpc/worker_types.capnp";
$Cxx.namespace("troupe::schema");

struct WorkerName {
  # One worker, as the task queue and the tasks know it.
  taskQueueId @0 :Text;  # the queue it serves
  workerGroup @1 :Text;  # such as its host or region
  workerId @2 :Text;     # unlike all others of its group
}

struct Refusal {
  # A no between actors; it becomes an error where somebody waits.
  code @0 :UInt8;      # troupe::Errc; 0: not refused
  message @1 :Text;    # for whoever asked: what, and what to do
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
    reclaim @5 :ClaimRef;         # command -> TaskStatus, with the run's new takenUntil
    resolve :group {              # command -> TaskStatus
      claim @6 :ClaimRef;               # must hold the run, or repeat its own report
      outcome @7 :W.Outcome;            # how the run ended
      reason @8 :Q.ReasonResolved;      # counts only with the outcome exception
      artifacts @9 :List(ArtifactPut);  # made with the resolution: the log
    }
    putArtifact :group {          # command -> ArtifactRow
      claimRef @10 :ClaimRef;     # refused if it never held the run
      artifact @11 :ArtifactPut;  # what to store
      checkOnly @53 :Bool;        # the answer alone: nothing is stored
    }
    claimByName :group {          # command -> TaskStatus; the claim itself goes the worker's way
      runId @12 :UInt32;          # must be the last, and pending
      worker @13 :WorkerName;     # the one that claims
      session @14 :UInt64;        # of its connection, which awaits the claim
    }

    groupAnswer @15 :GroupAnswer;          # from the group: to mayJoin and join
    groupToldAnswer @16 :Void;             # from the group: to memberResolved
    release @17 :Void;                     # from the group
    addEdge :group {                       # from a dependent
      requires @18 :Q.Requires;            # what the dependent asks of this task's end
      expires @19 :Int64;                  # of the dependent
    }
    removeEdge @20 :Void;                  # from a dependent that was refused after all
    edgeAnswer :group {                    # from a required task: to addEdge
      result @21 :EdgeResult;              # whether it must wait
      expires @22 :Int64;                  # of the required task
    }
    satisfied @23 :Void;                   # from a required task: it ended as asked
    satisfiedAnswer @24 :Void;             # from a dependent
    entryStored @25 :UInt32;               # from the queue: run id whose entry is in it
    claimRun :group {                      # from the queue: a worker waits for it
      entryRunId @26 :UInt32;       # refused unless it is the last, and pending
      entryWorker @27 :WorkerName;  # the one whose turn it is
      entrySession @28 :UInt64;     # of its connection; comes back in `claimAnswer`
    }
    workerLost @29 :ClaimRef;              # from the worker: its lease is over
    continueEdges @30 :Void;               # from itself: the next slice of dependencies to ask
    continueDependents @31 :Void;          # from itself: the next slice of dependents to tell
    keepLog :group {              # command -> Void: a run has ended, by whatever means
      keptRunId @32 :UInt32;               # the run that has ended
      keptLog @33 :List(ArtifactPut);      # the names of its log; those that exist stay as they are
    }
    changePriority @35 :Q.Priority;        # command -> TaskStatus
    cancelMember @36 :Void;                # from the group
    changeMemberPriority @37 :Q.Priority;  # from the group
    expireClaim @38 :ClaimRef;             # command -> Void: its answer could not be delivered
    finishArtifact :group {       # command -> Void: the bytes of an `object` are here
      finishedRunId @39 :UInt32;  # the run whose artifact it is
      finishedName @40 :Text;     # its name
      uploadId @41 :Text;         # as createArtifact gave it
    }
    storeBlob :group {            # command -> Void: the bytes of an artifact are here
      blobRunId @42 :UInt32;      # the run whose artifact it is
      blobName @43 :Text;         # its name
      sha256 @44 :Data;           # of the bytes as they were sent
      size @45 :UInt64;           # of the bytes as they were sent
      contentEncoding @46 :Text;  # as their sender said; empty: none
      blobUploadId @47 :Text;     # of an `object`; empty: the artifact is an `s3`
    }
    continueExpiry @48 :Void;              # from itself: the next slice of rows to remove
    claimRefused :group {                  # from the queue: to claimEntry
      refusedRunId @50 :UInt32;   # as in claimEntry
      refusedLimit @51 :UInt32;   # that its key has reached; 0: the entry is not there any more
    }
  }
  requestId @34 :Text;  # of a rerun, chosen by the caller; empty: it is not remembered
  timed @49 :Bool;
  # Of claimRun and claimByName: it comes over HTTP, so nobody's connection holds the claim.
  question @52 :UInt64;
  # Of claimRun and claimRefused: as in the claimEntry that they answer; 0: none has asked.
}

enum EdgeResult {
  # What a required task says to one that needs it.
  missing @0;    # no such task
  satisfied @1;  # it has ended as asked already
  notYet @2;     # the dependent is told later, by `satisfied`
}

struct ClaimRef {
  # Names a claim from within its task.
  runId @0 :UInt32;  # 0 for the first
  token @1 :UInt64;  # of the claim
  byRun @2 :Bool;    # it comes over HTTP, where the run id is all that a claim is named by
}

struct ArtifactPut {
  # An artifact on its way into its row; its bytes, if any, are stored already.
  name @0 :Text;            # 1..1024 printable ASCII characters
  storageType @1 :Text;     # `s3`, `object`, `reference`, `link` or `error`
  contentType @2 :Text;     # MIME type
  expires @3 :Int64;        # 0: with the task
  size @4 :UInt64;          # of a blob
  sha256 @5 :Data;          # of a blob
  link @6 :Text;            # target of a link
  reason @7 :Text;          # of an error
  message @8 :Text;         # of an error
  url @9 :Text;             # of a reference
  uploadId @10 :Text;       # of an `object`: under which its bytes will come
  announcedLength @11 :Int64 = -1;  # of an upload that is still to come; -1: not known
}

struct GroupAnswer {
  # What the group says to a task that wants to join.
  refusal @0 :Refusal;  # its code is 0 in a yes
  joined @1 :Bool;     # the answer to join (final), not to mayJoin
  question @2 :UInt64; # of mayJoin: as it came with it
}

struct TaskGroupMessage {
  # To the actor of one group; its key is the group id.
  union {
    seal @0 :Void;              # command -> TaskGroup
    release @1 :Void;           # command -> Released
    mayJoin :group {            # from a task: nothing is stored
      schedulerId @2 :Text;  # that of the task: must be the group's, if it exists
      question @14 :UInt64;  # any number, comes back in the answer
    }
    join :group {               # from a task: final
      joinSchedulerId @3 :Text;  # that of the task: must be the group's, or becomes it
      expires @4 :Int64;        # of the task
      held @5 :Bool;            # the task waits for `release`
      name @6 :Text;            # of the task, for people
    }
    memberResolved @7 :Void;    # from a task: it has ended, perhaps again
    releaseAnswer @8 :Void;     # from a task: to release
    cancel @9 :Void;            # command -> CancelledTaskGroup
    changePriority @10 :Q.Priority;  # command -> TaskGroupPriority
    sweepAnswer @11 :Bool;      # from a task: whether cancelMember or changeMemberPriority did it
    memberExpired @12 :Void;    # from a task: its rows are gone
    continueSweep @13 :Void;    # from itself
  }
}

struct Released {
  # The answer to `release`.
  count @0 :UInt64;  # tasks that were held until then
}

struct TaskQueueMessage {
  # To the actor of one task queue; its key is `provisionerId/workerType`.
  union {
    await :group {              # command -> AwaitAnswer: a worker's slots
      worker @0 :WorkerName;    # who waits
      session @1 :UInt64;       # of its connection; slots are counted for each
      slots @2 :Int32;          # how many more claims it takes; negative: fewer
    }
    leave @3 :UInt64;           # command -> Void: session that is gone
    putEntry :group {           # from a task: a run is pending
      runId @4 :UInt32;         # 0 for the first
      priority @5 :Q.Priority;  # the task's
      number @6 :UInt64;        # its place within the priority
    }
    removeEntry :group {        # from a task: the run is no longer pending
      atPriority @7 :Q.Priority;  # as it was when the entry was put
      atNumber @8 :UInt64;        # as `number` of its putEntry
    }
    claimAnswer :group {        # from a task: to claimRun
      ofSession @9 :UInt64;  # the waiting one that claimRun named
      accepted @10 :Bool;    # false: the run is gone, and the slot is free again
      token @12 :UInt64;     # of the claim, if it is accepted
      claimedNumber @13 :UInt64;  # of the entry
      claimedRunId @14 :UInt32;   # as in claimRun
    }
    continueMatching @11 :Void;  # from itself
    claimWork :group {          # command -> ClaimWorkAnswer, which may come much later
      claimant @15 :WorkerName;   # who asks
      claimSession @16 :UInt64;   # random: names this request
      tasks @17 :UInt32;          # at most as many
      requestId @18 :Text;        # a repeat is answered alike; empty: it is not remembered
    }
    stopWaiting @19 :UInt64;    # command -> Void: ends the claimWork of a session, once those runs
                                # that are being claimed for it have answered
    moveEntry :group {          # from a task: its priority has changed
      movedFrom @20 :Q.Priority;  # as it was when the entry was put
      movedNumber @21 :UInt64;    # as `number` of its putEntry
      movedTo @22 :Q.Priority;    # as it is now
    }
    claimDone @23 :UInt64;      # from a task: the claim of a limited run has ended; its number
    quarantine :group {         # from a worker
      quarantined @24 :WorkerName;  # the one
      until @25 :Int64;             # gets nothing until then; past: it is free again
    }
    active @26 :Int64;          # command -> Void: a worker is there; keep the record until then
    claimEntry :group {         # from a task: claimTask names its run, which is limited
      claimedPriority @31 :Q.Priority;  # as it was when the entry was put
      claimedEntry @32 :UInt64;   # as `number` of its putEntry
      namedRunId @33 :UInt32;     # comes back in the answer
      claimedBy @34 :WorkerName;  # who claims it
      bySession @35 :UInt64;      # of its connection, as in claimByName
    }
  }
  resources @27 :List(W.Resource);
  # Of await: what the session's worker has, for all its claims. Of putEntry: what the run needs.
  # Of continueMatching: demands of the group of the key that was looked at last.
  limited @28 :Bool;          # of await: whether `resources` limits it
  concurrencyKey @29 :Text;
  # Of putEntry: as of the task. Of continueMatching: whose entries are still to be opened.
  concurrencyLimit @30 :UInt32;  # of putEntry: as of the task
  taskCreated @36 :Int64;     # of putEntry: when the task was created
  question @37 :UInt64;
  # Of claimEntry and quarantine: any number but 0, comes back in the answer.
  timed @38 :Bool;            # of claimEntry: as of claimByName
}

struct ClaimWorkAnswer {
  # The answer to `claimWork`.
  claims @0 :List(W.HeldClaim);  # none: nothing came, or the worker is in quarantine
}

struct AwaitAnswer {
  # The answer to `await`.
  removed @0 :UInt32;   # slots taken back, after a negative number
}

struct WorkerMessage {
  # To the actor of one worker; its key is `provisionerId/workerType/workerGroup/workerId`.
  union {
    connect :group {            # command -> WorkerPush, again and again
      session @0 :UInt64;          # random, never 0; unlike all of the worker's earlier ones
      info @1 :W.WorkerInfo;       # what it said of itself
      held @2 :List(W.HeldClaim);  # what it still runs, after a lost connection
    }
    disconnect @3 :UInt64;      # command -> Void: session whose connection is lost
    farewell @4 :UInt64;        # command -> Void: session that said goodbye
    claimed :group {            # from a task: a run is this worker's
      claim @5 :W.HeldClaim;    # now its own
      claimSession @6 :UInt64;  # the session that waited for it
      timed @12 :Bool;          # claimed over HTTP: nothing but time ends it
      unseen @13 :Bool;         # by claimTask, which makes no record of its worker
    }
    claimEnded :group {         # from a task
      ended @7 :W.HeldClaim;    # ignored if it is not the worker's
      revoked @8 :Bool;         # not by the worker's own report: tell it to stop
    }
    restarted @9 :Void;         # command, at the server's start: no connection has survived
    paused :group {             # command -> Void: what the worker says of itself
      pausedSession @10 :UInt64;  # that says it: a late word of an older one counts for nothing
      pause @11 :Text;          # why it takes no claims; empty: it takes them again
    }
    seen @14 :Void;             # command -> Void: it asks for work, or renews a claim
    declare @15 :Int64;         # command -> Void: keep its record until then
    quarantine @16 :Q.QuarantineChange;  # command -> Void: refused if there is no record of it
    quarantineAnswer @17 :Void;          # from the queue
    tellLost @19 :List(W.HeldClaim);     # from itself: whose tasks are still to be told
  }
  question @18 :UInt64;         # of quarantineAnswer: as in the queue's `quarantine`
}

struct WorkerPush {
  # What a worker's actor tells the edge of its session.
  union {
    connected :group {               # first: how the session begins
      kept @0 :List(W.HeldClaim);    # of those it named
      lost @1 :List(W.HeldClaim);    # of those it named
      missed @2 :List(W.HeldClaim);  # its own, that it did not name
    }
    claimed @3 :W.HeldClaim;         # a run that it is to start
    revoked @4 :W.HeldClaim;         # a run that it is to stop
    replaced @5 :Void;               # a later session has taken over
  }
}
