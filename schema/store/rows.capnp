@0xd6a05e8c4b7f1923;
# Rows of the platform's actors. Keys are in the comments: every key begins with the actor's number.
# Times are milliseconds since 1970, 0 is none.

using Cxx = import "/capnp/c++.capnp";
using Q = import "../api/queue_types.capnp";
using W = import "../rpc/worker_types.capnp";
$Cxx.namespace("troupe::schema");

struct RunRow {
  # One run of a task, at the index of its run id.
  state @0 :Q.TaskState;                # never unscheduled
  reasonCreated @1 :Q.ReasonCreated;    # set when the run is made
  reasonResolved @2 :Q.ReasonResolved;  # `none` until it has ended
  workerGroup @3 :Text;                 # of its claim; empty before
  workerId @4 :Text;                    # of its claim; empty before
  takenUntil @5 :Int64;  # end of its claim, as last renewed; kept when the run has ended
  scheduled @6 :Int64;                  # when it became pending
  started @7 :Int64;                    # when it was claimed
  resolved @8 :Int64;                   # when it ended
  token @9 :UInt64;                     # of the claim; 0 before
  entry @10 :UInt64;                    # number of its pending entry
  byName @11 :Bool;   # claimed by claimTask, which its worker may repeat
  timed @12 :Bool;    # claimed over HTTP: its claim ends at takenUntil, and with no connection
  claimed @13 :Int64;  # when its claim was made or last renewed; 0: as `started`
}

enum CreateStep {
  # How far a createTask has come, in this order.
  none @0;        # not being created
  askGroup @1;    # waits for the group's permission
  askTasks @2;    # waits for required tasks
  joinGroup @3;   # waits for the group's final yes
  undo @4;        # refused: takes its edges back
}

struct TaskRow {
  # Table task_state, key (): one for each task.
  taskId @0 :Text;            # the actor's key
  taskQueueId @1 :Text;       # whose workers may claim it
  schedulerId @2 :Text;       # its group's
  projectId @3 :Text;         # `none` if it has none
  taskGroupId @4 :Text;       # its own id if it was given no other
  priority @5 :Q.Priority;    # its present one; the definition has the first
  requires @6 :Q.Requires;    # of the tasks it depends on
  retries @7 :Int32;          # automatic retries allowed
  retriesLeft @8 :Int32;      # of those: 0 or more; a rerun sets it anew
  created @9 :Int64;          # when the row was first written
  deadline @10 :Int64;        # as defined; the timer is `queue.deadline_delay` later
  expires @11 :Int64;         # as defined, or a year after the deadline
  routes @12 :List(Text);     # more routing keys for its events
  tags @13 :List(Q.Tag);      # for its events
  name @14 :Text;             # metadata.name
  runs @15 :List(RunRow);     # oldest first
  held @16 :Bool;             # waits for the group's release
  unsatisfied @17 :UInt32;    # required tasks that have not ended as asked
  everResolved @18 :Bool;     # the group has been told once

  # The command under way, step by step; hidden from others until it is done.
  createStep @19 :CreateStep;  # `none`, too, for a task that is complete
  createAsked @20 :UInt32;    # required tasks asked so far, in the definition's order
  createWaiting @21 :UInt32;  # answers that have not come
  createMissing @22 :List(Text);  # ids of those that do not exist: the refusal names them
  createExpiring @23 :List(Text);  # ids of those that expire before this task's deadline
  createNumber @37 :UInt64;   # its place among those that wait; 0: that of its last step

  # Telling others of a resolution.
  resolveActive @24 :Bool;      # under way: else the rest of these mean nothing
  resolveCompleted @25 :Bool;   # one of the ends that are told was a completion
  resolveCursor @26 :Text;      # last dependent looked at
  resolveWaiting @27 :UInt32;   # answers that have not come
  resolveToldGroup @28 :Bool;   # waits for the group's answer, the last step
  resolveAgain @29 :Bool;       # resolved anew meanwhile: once more from the start
  resolveDeadline @30 :Bool;    # task-exception is still to be written
  resolveRuns @35 :UInt32;      # runs there were at the latest end that is told
  resolveCompletedRuns @36 :UInt32;  # likewise at the latest completion; 0: there was none
  # Both are 0 in rows of earlier programs: every end counts for every edge then.

  # What holds it back in its queue. Source: `extra.concurrency`, `extra.resources`.
  concurrencyKey @31 :Text;       # runs of one key are limited; empty: not limited
  concurrencyLimit @32 :UInt32;   # how many of them at once
  resources @33 :List(W.Resource);  # what a worker must have free; sorted by name

  expiring @34 :Bool;           # its rows are being removed, slice by slice
}

struct EdgeRow {
  # Table task_edges, key (dependent's id): a task that needs this one.
  requires @0 :Q.Requires;  # how this task must end for it
  expires @1 :Int64;      # of the dependent
  satisfied @2 :Bool;     # it has been told
  since @3 :UInt32;       # the ends of this many runs, the first ones, are too old to count for it
}

struct NeedRow {
  # Table task_needs, key (required task's id).
  satisfied @0 :Bool;     # for ever, once true
}

struct ArtifactRow {
  # Table task_artifacts, key (run, name).
  name @0 :Text;         # as in the key, which cuts long ones
  storageType @1 :Text;  # `s3`, `object`, `reference`, `link` or `error`
  contentType @2 :Text;  # MIME type
  expires @3 :Int64;     # never after the task's
  size @4 :UInt64;       # bytes of its blob, once that is here
  sha256 @5 :Data;       # name of its blob, 32 bytes; empty until that is here
  link @6 :Text;         # name of the artifact it stands for; empty but for `link`
  reason @7 :Text;       # why there is none; empty but for `error`
  message @8 :Text;      # the same for people
  url @9 :Text;          # where it is; empty but for `reference`
  uploadId @10 :Text;    # of an `object` that is not finished
  contentEncoding @11 :Text;     # of the bytes as they were uploaded; empty: none
  announcedLength @12 :Int64 = -1;  # contentLength as its creator said; -1: it did not
}

struct RequestRow {
  # Table task_requests, key (number, rising): a command that must not be done twice.
  requestId @0 :Text;         # as its caller chose it
  answer @1 :Q.TaskStatus;    # as it was first given
}

struct TaskGroupRow {
  # Table group_state, key ().
  taskGroupId @0 :Text;      # the actor's key
  schedulerId @1 :Text;      # of its first task; all others must have it
  expires @2 :Int64;         # an hour after its longest-lived task's, or more
  sealed @3 :Int64;          # no task may join since then
  created @4 :Int64;         # when its first task joined
  name @5 :Text;             # of its first task
  members @6 :UInt64;        # tasks that have joined
  neverResolved @7 :UInt64;  # members that have never ended
  releaseActive @8 :Bool;    # a release is under way
  releaseCursor @9 :Text;    # last member looked at
  releaseWaiting @10 :UInt32;  # answers of released tasks that have not come
  releasedCount @11 :UInt64;  # tasks let go so far, for the answer
  sweep @12 :GroupSweep;      # a change of all members that is under way
  sweepCursor @13 :Text;      # last member looked at
  sweepWaiting @14 :UInt32;   # answers that have not come
  sweepPriority @15 :Q.Priority;  # of a change of priority
}

enum GroupSweep {
  # What is being done to all members.
  none @0;      # nothing
  cancel @1;    # cancelTaskGroup
  priority @2;  # changeTaskGroupPriority
}

struct SweptRow {
  # Table group_swept, key (task id): a member that the sweep under way has changed.
  present @0 :Void;  # no more than that
}

struct MemberRow {
  # Table group_members, key (task id).
  everResolved @0 :Bool;  # it has been counted out of neverResolved; never falls back
  held @1 :Bool;          # it waits for the group's release
}

struct TaskQueueRow {
  # Table queue_state, key ().
  taskQueueId @0 :Text;       # the actor's key
  pending @1 :UInt64;         # entries
  lastDateActive @2 :Int64;   # when a worker last asked
  expires @3 :Int64;          # a day after a worker last asked, or more
}

struct QuarantineRow {
  # Table queue_quarantines, key (workerGroup, workerId): a worker that gets nothing.
  until @0 :Int64;  # as quarantineWorker said
}

struct WorkRequestRow {
  # Table queue_requests, key (number, rising): a claimWork that must not be done twice.
  requestId @0 :Text;               # as its caller chose it
  claims @1 :List(W.HeldClaim);     # as it was first answered
  workerGroup @2 :Text;             # whose request it is; empty in rows of earlier programs
  workerId @3 :Text;                # likewise
}

struct ConcurrencyRow {
  # Table queue_concurrency, key (concurrency key): runs that share a limit.
  limit @0 :UInt32;     # as the newest of their tasks says
  claimed @1 :UInt64;   # runs that are claimed, or handed out: at most `limit` get there
  waiting @2 :UInt64;   # entries
  newest @3 :Int64;     # when that task was created
}

struct AdmittedRow {
  # A limited run, or one that asks for resources. Table queue_admitted, in three parts by the first
  # byte of the key: 0, entry's number, while it waits: where its entry is; 1, entry's number, while
  # it is claimed: it counts; 2, concurrency key, lane, 7 - rank, number: waits and may be claimed,
  # at most one for each key and lane, nothing in the row.
  concurrencyKey @0 :Text;          # empty: not limited
  session @1 :UInt64;               # claimed: made of its worker's name, so that it stays the same
  resources @2 :List(W.Resource);   # that it needs
  behind @3 :UInt8;                 # as of its entry's key
}

struct EntryRow {
  # A run that waits for a worker. Table queue_entries, key (7 - rank, number), has those that any
  # worker may claim; queue_lanes, key (lane, 7 - rank, number), those that ask for resources, a
  # lane for each combination; queue_held, key (concurrency key, lane, 7 - rank, number), those with
  # a limit, but for the first of each such range while the limit is not reached.
  taskId @0 :Text;     # whose run it is
  runId @1 :UInt32;    # its last
  inserted @2 :Int64;  # when it became pending
  concurrencyKey @3 :Text;         # as of its task
  concurrencyLimit @4 :UInt32;     # as of its task
  resources @5 :List(W.Resource);  # as of its task
}

struct WorkerRow {
  # Table worker_state, key ().
  taskQueueId @0 :Text;      # the queue it serves; with the next two the actor's key
  workerGroup @1 :Text;      # such as its host or region
  workerId @2 :Text;         # unlike all others of its group
  capacity @3 :UInt32;       # tasks it runs at once, as it last said
  host @4 :Text;             # the machine's name, for people
  version @5 :Text;          # of its program, for people
  session @6 :UInt64;        # of its connection; 0 without one
  firstClaim @7 :Int64;      # when it was first given a task
  lastDateActive @8 :Int64;  # when it last connected, claimed or went away
  expires @9 :Int64;         # a day after it was last seen, or more
  recentTasks @10 :List(Q.TaskRun);  # the last 20, newest last
  process @11 :UInt64;       # of its latest connection
  pause @12 :Text;           # why it takes no claims, in its own words; empty: it takes them
  awaySince @13 :Int64;      # when its connection was lost; 0 while it has one
  leaseUntil @14 :Int64;     # when its claims are lost; 0 while it is connected or has none
  quarantineUntil @15 :Int64;  # it gets no tasks until then; 0: it never was in quarantine
  quarantines @16 :List(Q.QuarantineChange);  # the last 100 changes of that, newest last
  resources @17 :List(W.Resource);  # what it has, as it last said
}

struct WorkerClaimRow {
  # Table worker_claims, key (task id, run).
  taskId @0 :Text;   # as in the key
  runId @1 :UInt32;  # as in the key
  token @2 :UInt64;  # the worker must name it to be believed
  timed @3 :Bool;    # claimed over HTTP: no lost connection ends it
}
