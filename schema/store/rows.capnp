@0xd6a05e8c4b7f1923;
# Rows of the platform's actors. Keys are in the comments: every key begins with the actor's number.
# Times are milliseconds since 1970, 0 is none.

using Cxx = import "/capnp/c++.capnp";
using Q = import "../api/queue.capnp";
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

  # Telling others of a resolution.
  resolveActive @24 :Bool;      # under way: else the rest of these mean nothing
  resolveCompleted @25 :Bool;   # the outcome that is told
  resolveCursor @26 :Text;      # last dependent looked at
  resolveWaiting @27 :UInt32;   # answers that have not come
  resolveToldGroup @28 :Bool;   # waits for the group's answer, the last step
  resolveAgain @29 :Bool;       # resolved anew meanwhile: once more from the start
  resolveDeadline @30 :Bool;    # task-exception is still to be written
}

struct EdgeRow {
  # Table task_edges, key (dependent's id): a task that needs this one.
  requires @0 :Q.Requires;  # how this task must end for it
  expires @1 :Int64;      # of the dependent
  satisfied @2 :Bool;     # it has been told
}

struct NeedRow {
  # Table task_needs, key (required task's id).
  satisfied @0 :Bool;     # for ever, once true
}

struct ArtifactRow {
  # Table task_artifacts, key (run, name).
  name @0 :Text;         # as in the key, which cuts long ones
  storageType @1 :Text;  # `s3`, `link` or `error`
  contentType @2 :Text;  # MIME type
  expires @3 :Int64;     # never after the task's
  size @4 :UInt64;       # bytes; 0 but for `s3`
  sha256 @5 :Data;       # name of its blob, 32 bytes; empty but for `s3`
  link @6 :Text;         # name of the artifact it stands for; empty but for `link`
  reason @7 :Text;       # why there is none; empty but for `error`
  message @8 :Text;      # the same for people
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

struct EntryRow {
  # Table queue_entries, key (7 - rank, number): a run that waits for a worker.
  taskId @0 :Text;     # whose run it is
  runId @1 :UInt32;    # its last
  inserted @2 :Int64;  # when it became pending
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
}

struct WorkerClaimRow {
  # Table worker_claims, key (task id, run).
  taskId @0 :Text;   # as in the key
  runId @1 :UInt32;  # as in the key
  token @2 :UInt64;  # the worker must name it to be believed
}

struct ClientRow {
  # Table clients, key ().
  clientId @0 :Text;         # the actor's key
  pool @1 :Text;             # the queue it may claim from
  accessToken @2 :Data;      # encrypted: nonce, ciphertext, tag
  created @3 :Int64;         # when it was made
  expires @4 :Int64;         # it is refused from then on
  revoked @5 :Bool;          # for ever, once true
}
