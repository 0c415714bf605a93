@0xb9d4e3a2f1c05872;
# The queue: tasks, their runs, groups, artifacts, task queues and workers. Names are those of
# Taskcluster's queue service. Times are milliseconds since 1970, UTC; 0 is absent.

using Cxx = import "/capnp/c++.capnp";
using A = import "annotations.capnp";
$Cxx.namespace("troupe::schema");

const taskIdPattern :Text =
    "^[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]$";
const taskQueueIdPattern :Text =
    "^[a-zA-Z0-9-_]{1,38}/[a-z]([-a-z0-9]{0,36}[a-z0-9])?$";

enum Priority {
  lowest @0;                             # rank 1
  veryLow @1 $A.jsonName("very-low");    # rank 2
  low @2;                                # rank 3
  medium @3;                             # rank 4
  high @4;                               # rank 5
  veryHigh @5 $A.jsonName("very-high");  # rank 6
  highest @6;                            # rank 7: claimed first
}

enum Requires {
  allCompleted @0 $A.jsonName("all-completed");  # dependencies must have completed
  allResolved @1 $A.jsonName("all-resolved");    # dependencies must have ended, however
}

enum TaskState {
  unscheduled @0;  # of a task without runs; never of a run
  pending @1;
  running @2;
  completed @3;
  failed @4;
  exception @5;
}

enum ReasonCreated {
  scheduled @0;                           # the task's first chance to run
  retry @1;                               # the worker was lost
  taskRetry @2 $A.jsonName("task-retry");  # the task asked for it (onExitStatus.retry)
  rerun @3;                               # somebody asked for it
  exception @4;                           # made only to hold the reason of a task that never ran
}

enum ReasonResolved {
  none @0;  # not resolved
  completed @1;
  failed @2;
  deadlineExceeded @3 $A.jsonName("deadline-exceeded");
  canceled @4;
  claimExpired @5 $A.jsonName("claim-expired");
  workerShutdown @6 $A.jsonName("worker-shutdown");
  malformedPayload @7 $A.jsonName("malformed-payload");
  resourceUnavailable @8 $A.jsonName("resource-unavailable");
  internalError @9 $A.jsonName("internal-error");
  intermittentTask @10 $A.jsonName("intermittent-task");
}

struct Tag {
  key @0 :Text;
  value @1 :Text;
}

struct TaskMetadata {
  name @0 :Text $A.required $A.length((max = 255));
  description @1 :Text $A.required $A.length((max = 32768));  # Markdown
  owner @2 :Text $A.required $A.length((max = 255));          # an e-mail address, usually
  source @3 :Text $A.required $A.length((max = 4096))
      $A.pattern("^(https?://|ssh://|git@)");                 # where the task was defined
}

struct TaskDefinition {
  # What to run, where and until when. Immutable once created, but for `priority`.
  provisionerId @0 :Text $A.optional $A.pattern("^[a-zA-Z0-9-_]{1,38}$");
  # First half of taskQueueId; filled in from it.
  workerType @1 :Text $A.optional $A.pattern("^[a-z]([-a-z0-9]{0,36}[a-z0-9])?$");
  # Second half of taskQueueId; filled in from it.
  taskQueueId @2 :Text $A.optional $A.pattern(.taskQueueIdPattern);
  # `provisionerId/workerType`.
  schedulerId @3 :Text = "-" $A.default("\"-\"") $A.length((min = 1, max = 38))
      $A.pattern("^([a-zA-Z0-9-_]*)$");
  # All tasks of a group share it.
  projectId @4 :Text = "none" $A.default("\"none\"") $A.length((min = 1, max = 500))
      $A.pattern("^([a-zA-Z0-9._/-]*)$");
  taskGroupId @5 :Text $A.optional $A.pattern(.taskIdPattern);  # the task's own id if absent
  dependencies @6 :List(Text) $A.default("[]") $A.items((max = 10000)) $A.unique
      $A.pattern(.taskIdPattern);                               # tasks that must end first
  requires @7 :Requires $A.default("\"all-completed\"");        # what "end" means
  routes @8 :List(Text) $A.default("[]") $A.items((max = 64)) $A.unique
      $A.length((min = 1, max = 249));                          # extra routing keys of its messages
  priority @9 :Priority $A.default("\"lowest\"");
  retries @10 :Int32 = 5 $A.default("5") $A.range((max = 49));  # automatic retries allowed
  created @11 :Int64 $A.required $A.dateTime;                   # within 15 minutes of now
  deadline @12 :Int64 $A.required $A.dateTime;                  # resolved by then
  expires @13 :Int64 $A.optional $A.dateTime;  # forgotten then; deadline + 1 year if absent
  scopes @14 :List(Text) $A.default("[]") $A.pattern("^[\\x20-\\x7e]*$");  # what the task may do
  payload @15 :Text $A.required $A.jsonText;                    # for the worker
  metadata @16 :TaskMetadata $A.required;
  tags @17 :List(Tag) $A.default("{}") $A.map $A.length((max = 4096));
  extra @18 :Text = "{}" $A.default("{}") $A.jsonText;          # for whoever wants it
}

struct Run {
  runId @0 :UInt32;  # 0 for the first
  state @1 :TaskState;
  reasonCreated @2 :ReasonCreated;
  reasonResolved @3 :ReasonResolved $A.optional;
  workerGroup @4 :Text $A.optional;           # once claimed
  workerId @5 :Text $A.optional;              # once claimed
  takenUntil @6 :Int64 $A.optional $A.dateTime;  # end of the claim, kept after resolution
  scheduled @7 :Int64 $A.dateTime;
  started @8 :Int64 $A.optional $A.dateTime;
  resolved @9 :Int64 $A.optional $A.dateTime;
}

struct TaskStatus {
  taskId @0 :Text;
  provisionerId @1 :Text;
  workerType @2 :Text;
  taskQueueId @3 :Text;
  schedulerId @4 :Text;
  projectId @5 :Text;
  taskGroupId @6 :Text;
  deadline @7 :Int64 $A.dateTime;
  expires @8 :Int64 $A.dateTime;
  retriesLeft @9 :Int32;
  state @10 :TaskState;  # of the last run
  runs @11 :List(Run);
  priority @12 :Priority;
}

struct TaskAndStatus {
  status @0 :TaskStatus;
  task @1 :TaskDefinition;
}

struct TaskGroup {
  taskGroupId @0 :Text;
  schedulerId @1 :Text;
  expires @2 :Int64 $A.dateTime;
  sealed @3 :Int64 $A.optional $A.dateTime;  # no task may join since then
}

struct Artifact {
  storageType @0 :Text;  # `s3` (kept here), `link`, `reference` or `error`
  name @1 :Text;
  expires @2 :Int64 $A.dateTime;
  contentType @3 :Text;
  contentLength @4 :Int64 = -1 $A.optional;  # bytes; -1 unknown
}

struct PendingTask {
  taskId @0 :Text;
  runId @1 :UInt32;
  inserted @2 :Int64 $A.dateTime;
  task @3 :TaskDefinition;
}

struct ClaimedTask {
  taskId @0 :Text;
  runId @1 :UInt32;
  workerGroup @2 :Text;
  workerId @3 :Text;
  claimed @4 :Int64 $A.dateTime;  # the latest claim or reclaim
  task @5 :TaskDefinition;
}

struct TaskQueue {
  provisionerId @0 :Text;
  workerType @1 :Text;
  taskQueueId @2 :Text;
  stability @3 :Text;
  description @4 :Text;
  expires @5 :Int64 $A.dateTime;
  lastDateActive @6 :Int64 $A.optional $A.dateTime;
}

struct TaskRun {
  taskId @0 :Text;
  runId @1 :UInt32;
}

struct Worker {
  workerGroup @0 :Text;
  workerId @1 :Text;
  firstClaim @2 :Int64 $A.dateTime;
  latestTask @3 :TaskRun $A.optional;
  lastDateActive @4 :Int64 $A.optional $A.dateTime;
  quarantineUntil @5 :Int64 $A.optional $A.dateTime;
}

interface Queue {
  # Errors are exceptions whose text starts with the API's code: `ResourceNotFound: ...`.
  # Lists are paged: `limit` 1..1000 (0 means 1000); a page without `continuationToken` is the last.
  ping @0 () -> (alive :Bool, uptime :Float64);  # seconds
  task @1 (taskId :Text) -> (task :TaskDefinition);
  status @2 (taskId :Text) -> (status :TaskStatus);
  statuses @3 (taskIds :List(Text)) -> (statuses :List(TaskStatus));  # unknown ids are left out
  createTask @4 (taskId :Text, task :TaskDefinition) -> (status :TaskStatus);
  scheduleTask @5 (taskId :Text) -> (status :TaskStatus);
  rerunTask @6 (taskId :Text) -> (status :TaskStatus);
  cancelTask @7 (taskId :Text) -> (status :TaskStatus);
  listTaskGroup @8 (taskGroupId :Text, continuationToken :Text, limit :UInt32)
      -> (group :TaskGroup, tasks :List(TaskAndStatus), continuationToken :Text $A.optional);
  getTaskGroup @9 (taskGroupId :Text) -> (group :TaskGroup);
  sealTaskGroup @10 (taskGroupId :Text) -> (group :TaskGroup);
  listDependentTasks @11 (taskId :Text, continuationToken :Text, limit :UInt32)
      -> (taskId :Text, tasks :List(TaskAndStatus), continuationToken :Text $A.optional);
  listArtifacts @12 (taskId :Text, runId :UInt32, continuationToken :Text, limit :UInt32)
      -> (artifacts :List(Artifact), continuationToken :Text $A.optional);
  listLatestArtifacts @13 (taskId :Text, continuationToken :Text, limit :UInt32)
      -> (artifacts :List(Artifact), continuationToken :Text $A.optional);
  artifactInfo @14 (taskId :Text, runId :UInt32, name :Text) -> (artifact :Artifact);
  latestArtifactInfo @15 (taskId :Text, name :Text) -> (artifact :Artifact);
  listTaskQueues @16 (continuationToken :Text, limit :UInt32)
      -> (taskQueues :List(TaskQueue), continuationToken :Text $A.optional);
  taskQueueCounts @17 (taskQueueId :Text)
      -> (taskQueueId :Text, pendingTasks :UInt64, claimedTasks :UInt64);
  listPendingTasks @18 (taskQueueId :Text, continuationToken :Text, limit :UInt32)
      -> (tasks :List(PendingTask), continuationToken :Text $A.optional);
  listWorkers @19 (taskQueueId :Text, continuationToken :Text, limit :UInt32)
      -> (workers :List(Worker), continuationToken :Text $A.optional);
}
