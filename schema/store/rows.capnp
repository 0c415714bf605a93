@0xd6a05e8c4b7f1923;
# Rows of the platform's actors. Keys are in the comments: every key begins with the actor's number.
# Times are milliseconds since 1970, 0 is none.

using Cxx = import "/capnp/c++.capnp";
using Q = import "../api/queue.capnp";
$Cxx.namespace("troupe::schema");

struct RunRow {
  state @0 :Q.TaskState;
  reasonCreated @1 :Q.ReasonCreated;
  reasonResolved @2 :Q.ReasonResolved;
  workerGroup @3 :Text;
  workerId @4 :Text;
  takenUntil @5 :Int64;
  scheduled @6 :Int64;
  started @7 :Int64;
  resolved @8 :Int64;
  token @9 :UInt64;   # of the claim; 0 before
  entry @10 :UInt64;  # number of its pending entry
}

enum CreateStep {
  none @0;        # not being created
  askGroup @1;    # waits for the group's permission
  askTasks @2;    # waits for required tasks
  joinGroup @3;   # waits for the group's final yes
  undo @4;        # refused: takes its edges back
}

struct TaskRow {
  # Table task_state, key (): one for each task.
  taskId @0 :Text;
  taskQueueId @1 :Text;
  schedulerId @2 :Text;
  projectId @3 :Text;
  taskGroupId @4 :Text;
  priority @5 :Q.Priority;
  requires @6 :Q.Requires;
  retries @7 :Int32;
  retriesLeft @8 :Int32;
  created @9 :Int64;          # when the row was first written
  deadline @10 :Int64;
  expires @11 :Int64;
  routes @12 :List(Text);
  tags @13 :List(Q.Tag);
  name @14 :Text;             # metadata.name
  runs @15 :List(RunRow);
  held @16 :Bool;             # waits for the group's release
  unsatisfied @17 :UInt32;    # required tasks that have not ended as asked
  everResolved @18 :Bool;     # the group has been told once

  # The command under way, step by step; hidden from others until it is done.
  createStep @19 :CreateStep;
  createAsked @20 :UInt32;    # required tasks asked so far, in the definition's order
  createWaiting @21 :UInt32;  # answers that have not come
  createMissing @22 :List(Text);
  createExpiring @23 :List(Text);

  # Telling others of a resolution.
  resolveActive @24 :Bool;
  resolveCompleted @25 :Bool;   # the outcome that is told
  resolveCursor @26 :Text;      # last dependent looked at
  resolveWaiting @27 :UInt32;   # answers that have not come
  resolveToldGroup @28 :Bool;   # waits for the group's answer, the last step
  resolveAgain @29 :Bool;       # resolved anew meanwhile: once more from the start
  resolveDeadline @30 :Bool;    # task-exception is still to be written
}

struct EdgeRow {
  # Table task_edges, key (dependent's id): a task that needs this one.
  requires @0 :Q.Requires;
  expires @1 :Int64;      # of the dependent
  satisfied @2 :Bool;     # it has been told
}

struct NeedRow {
  # Table task_needs, key (required task's id).
  satisfied @0 :Bool;     # for ever, once true
}

struct ArtifactRow {
  # Table task_artifacts, key (run, name).
  name @0 :Text;
  storageType @1 :Text;
  contentType @2 :Text;
  expires @3 :Int64;
  size @4 :UInt64;
  sha256 @5 :Data;
  link @6 :Text;
  reason @7 :Text;
  message @8 :Text;
}

struct TaskGroupRow {
  # Table group_state, key ().
  taskGroupId @0 :Text;
  schedulerId @1 :Text;
  expires @2 :Int64;
  sealed @3 :Int64;
  created @4 :Int64;
  name @5 :Text;             # of its first task
  members @6 :UInt64;
  neverResolved @7 :UInt64;  # members that have never ended
  releaseActive @8 :Bool;    # a release is under way
  releaseCursor @9 :Text;    # last member looked at
  releaseWaiting @10 :UInt32;
  releasedCount @11 :UInt64;
}

struct MemberRow {
  # Table group_members, key (task id).
  everResolved @0 :Bool;
  held @1 :Bool;
}

struct TaskQueueRow {
  # Table queue_state, key ().
  taskQueueId @0 :Text;
  pending @1 :UInt64;         # entries
  lastDateActive @2 :Int64;   # when a worker last asked
  expires @3 :Int64;
}

struct EntryRow {
  # Table queue_entries, key (7 - rank, number): a run that waits for a worker.
  taskId @0 :Text;
  runId @1 :UInt32;
  inserted @2 :Int64;
}

struct WorkerRow {
  # Table worker_state, key ().
  taskQueueId @0 :Text;
  workerGroup @1 :Text;
  workerId @2 :Text;
  capacity @3 :UInt32;
  host @4 :Text;
  version @5 :Text;
  session @6 :UInt64;        # of its connection; 0 without one
  firstClaim @7 :Int64;
  lastDateActive @8 :Int64;
  expires @9 :Int64;
  recentTasks @10 :List(Q.TaskRun);  # the last 20, newest last
  process @11 :UInt64;       # of its latest connection
}

struct WorkerClaimRow {
  # Table worker_claims, key (task id, run).
  taskId @0 :Text;
  runId @1 :UInt32;
  token @2 :UInt64;
}

struct ClientRow {
  # Table clients, key ().
  clientId @0 :Text;
  pool @1 :Text;             # the queue it may claim from
  accessToken @2 :Data;      # encrypted: nonce, ciphertext, tag
  created @3 :Int64;
  expires @4 :Int64;
  revoked @5 :Bool;
}
