@0xe0b7c2d95a4f1386;
# Troupe's own methods, beyond Taskcluster's services.

using Cxx = import "/capnp/c++.capnp";
using A = import "annotations.capnp";
using Q = import "queue.capnp";
using Stream = import "../rpc/stream.capnp";
$Cxx.namespace("troupe::schema");

struct NewTask {
  taskId @0 :Text;
  task @1 :Q.TaskDefinition;
}

struct TaskError {
  taskId @0 :Text;
  code @1 :Text;     # `InputError`, `RequestConflict`...
  message @2 :Text;
}

struct Blocker {
  taskId @0 :Text;
  name @1 :Text;            # the task's metadata.name
  state @2 :Q.TaskState;
  reason @3 :Q.ReasonResolved $A.optional;
}

struct Explanation {
  # Why something is not running, or not well, and what would help.
  subject @0 :Text;   # task id, group id, queue or worker
  code @1 :Text;      # empty: nothing is wrong. Else `not-scheduled`, `blocked`,
                      # `blocked-by-failure`, `no-worker`, `workers-busy`, `workers-paused`,
                      # `concurrency`, `resources` or `deadline`
  message @2 :Text;   # one line
  help @3 :Text;      # one line: what would help; may be empty
  blockers @4 :List(Blocker);  # the first 20
  ahead @5 :Int64 = -1 $A.optional;    # tasks in front of it in its queue; -1 unknown
  workers @6 :Int64 = -1 $A.optional;  # connected workers that serve its queue; -1 unknown
}

struct GroupSummary {
  group @0 :Q.TaskGroup;
  tasks @1 :UInt64;       # members
  unresolved @2 :UInt64;  # members that never ended
  created @3 :Int64 $A.dateTime;
  name @4 :Text;          # metadata.name of its first task
}

struct QueueSummary {
  taskQueueId @0 :Text;
  pending @1 :UInt64;
  claimed @2 :UInt64;
  workers @3 :UInt64;     # connected
  capacity @4 :UInt64;    # tasks that these run at once
}

struct WorkerSummary {
  taskQueueId @0 :Text;
  workerGroup @1 :Text;
  workerId @2 :Text;
  connected @3 :Bool;
  capacity @4 :UInt32;
  claims @5 :List(Q.TaskRun);  # what it runs
  lastDateActive @6 :Int64 $A.dateTime;
  host @7 :Text;
  version @8 :Text;
}

struct Event {
  position @0 :Text;     # opaque
  exchange @1 :Text;     # `exchange/taskcluster-queue/v1/task-pending`
  routingKey @2 :Text;
  cc @3 :List(Text);
  time @4 :Int64 $A.dateTime;
  payload @5 :Text $A.jsonText;
}

struct Tail {
  taskId @0 :Text;
  runId @1 :UInt32;
  line @2 :Text;         # what the run last printed, cut to 200 characters
  bytes @3 :UInt64;      # size of its log so far
}

struct TokenSummary {
  clientId @0 :Text;
  pool @1 :Text;
  created @2 :Int64 $A.dateTime;
  expires @3 :Int64 $A.dateTime;
  revoked @4 :Bool;
}

interface Troupe {
  checkTasks @0 (tasks :List(NewTask)) -> (errors :List(TaskError));
  # Runs createTask's checks on all and creates nothing. Tasks of the list count as existing.
  createTasks @1 (tasks :List(NewTask), hold :Bool) -> (statuses :List(Q.TaskStatus));
  # At most 100, created in this order; the first error ends it. With `hold` none runs before
  # releaseTasks. Repeating it is safe.
  releaseTasks @2 (taskGroupId :Text) -> (released :UInt64);
  explain @3 (subject :Text) -> (explanation :Explanation);
  # A task id, group id, `prov/type` of a queue, or `prov/type/group/id` of a worker.
  listTasks @4 (state :Text, taskQueueId :Text, continuationToken :Text, limit :UInt32)
      -> (tasks :List(Q.TaskAndStatus), continuationToken :Text $A.optional);
  # Newest first; empty texts match all.
  listTaskGroups @5 (continuationToken :Text, limit :UInt32)
      -> (groups :List(GroupSummary), continuationToken :Text $A.optional);  # newest first
  findIds @6 (prefix :Text) -> (taskIds :List(Text), taskGroupIds :List(Text));
  # At most 10 of each.
  events @7 (after :Text, limit :UInt32, exchange :Text, routingKey :Text, wait :UInt32)
      -> (events :List(Event), next :Text);
  # `after`: a position, empty for the oldest kept, `now` for what comes. `wait`: seconds to wait
  # for the first. Filters are AMQP patterns; empty matches all.
  readLog @8 (taskId :Text, runId :UInt32, offset :UInt64, follow :Bool, sink :Stream.ByteStream)
      -> (size :UInt64, finished :Bool);
  # Streams the run's log from `offset`; with `follow` until the run has ended.
  tails @9 (taskIds :List(Text)) -> (tails :List(Tail));  # of those with a log
  readArtifact @10 (taskId :Text, runId :Int32, name :Text, offset :UInt64,
                    sink :Stream.ByteStream)
      -> (artifact :Q.Artifact, sha256 :Data, size :UInt64, runId :UInt32);
  # `runId` -1 is the latest. Links are followed.
  listQueues @11 () -> (queues :List(QueueSummary));
  listWorkers @12 (taskQueueId :Text) -> (workers :List(WorkerSummary));  # empty: all
  createWorkerToken @13 (pool :Text, expires :Int64)
      -> (clientId :Text, accessToken :Text, expires :Int64);
  listWorkerTokens @14 () -> (tokens :List(TokenSummary));
  revokeWorkerToken @15 (clientId :Text) -> ();
  serverInfo @16 () -> (version :Text, rootUrl :Text, started :Int64, pid :UInt64);
}
