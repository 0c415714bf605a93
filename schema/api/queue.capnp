@0xb9d4e3a2f1c05872;
# The queue: tasks, their runs, groups, artifacts, task queues and workers. Names are those of
# Taskcluster's queue service. Times are milliseconds since 1970, UTC; 0 is absent.

using Cxx = import "/capnp/c++.capnp";
using A = import "annotations.capnp";
$Cxx.namespace("troupe::schema");

const taskIdPattern :Text =
    "^[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]$";
# A slugid: 22 characters of base64url that hold the 16 bytes of a version 4 UUID.
const taskQueueIdPattern :Text =
    "^[a-zA-Z0-9-_]{1,38}/[a-z]([-a-z0-9]{0,36}[a-z0-9])?$";
# `provisionerId/workerType`.

const taskIdForm :Text = "an id of 22 characters such as fN1SbArXTPSVFNUvaOlinQ";
# `taskIdPattern` in words.
const taskQueueIdForm :Text =
    "a task queue such as local/default: PROVISIONER/WORKER-TYPE, the latter in lower case";
# `taskQueueIdPattern` in words.

enum Priority {
  # Who is claimed first within a task queue; within a rank, whose run became pending first.
  lowest @0;                             # rank 1
  veryLow @1 $A.jsonName("very-low");    # rank 2
  low @2;                                # rank 3
  medium @3;                             # rank 4
  high @4;                               # rank 5
  veryHigh @5 $A.jsonName("very-high");  # rank 6
  highest @6;                            # rank 7: claimed first
}

enum Requires {
  # How the tasks that this one depends on must have ended before it is scheduled.
  allCompleted @0 $A.jsonName("all-completed");  # dependencies must have completed
  allResolved @1 $A.jsonName("all-resolved");    # dependencies must have ended, however
}

enum TaskState {
  # Of a run, and of a task: then it is that of its last run.
  unscheduled @0;  # of a task without runs; never of a run
  pending @1;      # waits in its task queue for a worker
  running @2;      # held by a worker's claim
  completed @3;    # ended well
  failed @4;       # the task itself ended badly: never retried by itself
  exception @5;    # ended for another reason, see `ReasonResolved`
}

enum ReasonCreated {
  # Why a run exists. Source: spec/queue.md, section 3.
  scheduled @0;                           # the task's first chance to run
  retry @1;                               # the worker was lost
  taskRetry @2 $A.jsonName("task-retry");  # the task asked for it (onExitStatus.retry)
  rerun @3;                               # somebody asked for it
  exception @4;                           # made only to hold the reason of a task that never ran
}

enum ReasonResolved {
  # Why a run has ended. `completed` and `failed` repeat its state, the others are of exceptions.
  none @0;       # not resolved
  completed @1;  # the worker reported success
  failed @2;     # the worker reported failure
  deadlineExceeded @3 $A.jsonName("deadline-exceeded");
  # had not ended `queue.deadline_delay` after its deadline
  canceled @4;   # somebody asked for it; one l
  claimExpired @5 $A.jsonName("claim-expired");  # the worker let the claim run out; retried
  workerShutdown @6 $A.jsonName("worker-shutdown");  # the worker stopped or was lost; retried
  malformedPayload @7 $A.jsonName("malformed-payload");
  # the worker cannot make sense of the payload
  resourceUnavailable @8 $A.jsonName("resource-unavailable");
  # something the payload names cannot be had
  internalError @9 $A.jsonName("internal-error");  # a fault of the worker
  intermittentTask @10 $A.jsonName("intermittent-task");
  # the task asked to be tried again; retried
}

struct Tag {
  # One entry of an object of texts.
  key @0 :Text;    # unlike all others of its list
  value @1 :Text;  # up to 4096 characters
}

struct TaskMetadata {
  # About a task, for people; nothing here steers it.
  name @0 :Text $A.required $A.length((max = 255));           # a few words, shown in lists
  description @1 :Text $A.required $A.length((max = 32768));  # Markdown
  owner @2 :Text $A.required $A.length((max = 255));          # an e-mail address, usually
  source @3 :Text $A.required $A.length((max = 4096))
      $A.pattern("^(https?://|ssh://|git@)")
      $A.form("a URL that begins with https://, http://, ssh:// or git@");
  # Where the task was defined.
}

struct TaskDefinition {
  # What to run, where and until when. Immutable once created, but for `priority`.
  provisionerId @0 :Text $A.optional $A.pattern("^[a-zA-Z0-9-_]{1,38}$")
      $A.form("1 to 38 letters, digits, - or _, such as local");
  # First half of taskQueueId; filled in from it.
  workerType @1 :Text $A.optional $A.pattern("^[a-z]([-a-z0-9]{0,36}[a-z0-9])?$")
      $A.form("1 to 38 lower-case letters, digits or -, such as default");
  # Second half of taskQueueId; filled in from it.
  taskQueueId @2 :Text $A.optional $A.pattern(.taskQueueIdPattern)
      $A.form(.taskQueueIdForm);
  # `provisionerId/workerType`.
  schedulerId @3 :Text = "-" $A.default("\"-\"") $A.length((min = 1, max = 38))
      $A.pattern("^([a-zA-Z0-9-_]*)$") $A.form("letters, digits, - or _, such as my-scheduler");
  # All tasks of a group share it.
  projectId @4 :Text = "none" $A.default("\"none\"") $A.length((min = 1, max = 500))
      $A.pattern("^([a-zA-Z0-9._/-]*)$")
      $A.form("letters, digits, ., _, / or -, such as team/project");
  # What it is part of, such as a source repository; for accounting.
  taskGroupId @5 :Text $A.optional $A.pattern(.taskIdPattern)
      $A.form(.taskIdForm);                                     # the task's own id if absent
  dependencies @6 :List(Text) $A.default("[]") $A.items((max = 10000)) $A.unique
      $A.pattern(.taskIdPattern) $A.form(.taskIdForm);          # tasks that must end first
  requires @7 :Requires $A.default("\"all-completed\"");        # what "end" means
  routes @8 :List(Text) $A.default("[]") $A.items((max = 64)) $A.unique
      $A.length((min = 1, max = 249));                          # extra routing keys of its messages
  priority @9 :Priority $A.default("\"lowest\"");
  # changes only which run of its queue is claimed first
  retries @10 :Int32 = 5 $A.default("5") $A.range((max = 49));  # automatic retries allowed
  created @11 :Int64 $A.required $A.dateTime;                   # within 15 minutes of now
  deadline @12 :Int64 $A.required $A.dateTime;                  # resolved by then
  expires @13 :Int64 $A.optional $A.dateTime;  # forgotten then; deadline + 1 year if absent
  scopes @14 :List(Text) $A.default("[]") $A.pattern("^[\\x20-\\x7e]*$")
      $A.form("printable ASCII characters");                    # what the task may do
  payload @15 :Text $A.required $A.jsonText;                    # for the worker
  metadata @16 :TaskMetadata $A.required;      # for people
  tags @17 :List(Tag) $A.default("{}") $A.map $A.length((max = 4096));
  # for tools: in lists and in the task's events
  extra @18 :Text = "{}" $A.default("{}") $A.jsonText;          # for whoever wants it
}

struct Run {
  # One attempt at a task.
  runId @0 :UInt32;  # 0 for the first
  state @1 :TaskState;                           # never unscheduled
  reasonCreated @2 :ReasonCreated;               # set when the run is made, for ever
  reasonResolved @3 :ReasonResolved $A.optional;  # `none` until the run has ended
  workerGroup @4 :Text $A.optional;           # once claimed
  workerId @5 :Text $A.optional;              # once claimed
  takenUntil @6 :Int64 $A.optional $A.dateTime;  # end of the claim, kept after resolution
  scheduled @7 :Int64 $A.dateTime;  # when it became pending, or was made to hold a reason
  started @8 :Int64 $A.optional $A.dateTime;     # when it was claimed; 0 if it never was
  resolved @9 :Int64 $A.optional $A.dateTime;    # when it ended; 0 until then
}

struct TaskStatus {
  # What changes about a task while it lives, with what it is found by.
  taskId @0 :Text;                # a slugid, see `taskIdPattern`
  provisionerId @1 :Text;         # first half of taskQueueId
  workerType @2 :Text;            # second half of taskQueueId
  taskQueueId @3 :Text;           # the queue whose workers may claim it
  schedulerId @4 :Text;           # that of all tasks of its group
  projectId @5 :Text;             # `none` if the definition had none
  taskGroupId @6 :Text;           # the task's own id if the definition had none
  deadline @7 :Int64 $A.dateTime;
  # past it nothing starts it any more; open runs are ended soon after
  expires @8 :Int64 $A.dateTime;  # until then its record is kept; never before `deadline`
  retriesLeft @9 :Int32;          # automatic retries still allowed, 0..49
  state @10 :TaskState;           # of the last run
  runs @11 :List(Run);            # oldest first, each at the index of its runId; 50 at most
  priority @12 :Priority;         # its present one
}

struct TaskAndStatus {
  # A task as lists have it.
  status @0 :TaskStatus;    # as it was when the list was made
  task @1 :TaskDefinition;  # as createTask stored it
}

struct TaskGroup {
  # Tasks that belong together: made by the first task that names it.
  taskGroupId @0 :Text;                      # usually the id of its first task
  schedulerId @1 :Text;                      # of its first task; tasks with another may not join
  expires @2 :Int64 $A.dateTime;
  # an hour after the latest `expires` of its tasks, or more; never shortened
  sealed @3 :Int64 $A.optional $A.dateTime;  # no task may join since then
}

struct Artifact {
  # What is known of one artifact of a run, without its bytes.
  storageType @0 :Text;  # `s3` (kept here), `link`, `reference` or `error`
  name @1 :Text;  # unlike all others of its run; 1..1024 printable ASCII characters
  expires @2 :Int64 $A.dateTime;  # until then it is kept; never after the task's `expires`
  contentType @3 :Text;                      # MIME type, as the worker said
  contentLength @4 :Int64 = -1 $A.optional;  # bytes; -1 unknown
}

struct PendingTask {
  # A run that waits for a worker.
  taskId @0 :Text;                 # whose run it is
  runId @1 :UInt32;                # always the task's last
  inserted @2 :Int64 $A.dateTime;  # when the run entered the queue; a retry enters anew
  task @3 :TaskDefinition;         # null if the task is not visible
}

struct ClaimedTask {
  # A run that a worker holds.
  taskId @0 :Text;                # whose run it is
  runId @1 :UInt32;               # always the task's last
  workerGroup @2 :Text;           # of the worker that holds it
  workerId @3 :Text;              # of the worker that holds it
  claimed @4 :Int64 $A.dateTime;  # the latest claim or reclaim
  task @5 :TaskDefinition;        # its definition
}

struct TaskQueue {
  # A queue that a worker has asked for tasks at least once.
  provisionerId @0 :Text;         # first half of taskQueueId
  workerType @1 :Text;            # second half of taskQueueId
  taskQueueId @2 :Text;           # the queue's name; tasks and workers give the same
  stability @3 :Text;             # always `experimental`; clients of Taskcluster expect it
  description @4 :Text;           # for people; empty, as nothing sets it
  expires @5 :Int64 $A.dateTime;  # a day after a worker last asked, or more
  lastDateActive @6 :Int64 $A.optional $A.dateTime;  # when a worker last asked, to the minute
}

struct TaskRun {
  # Names one run.
  taskId @0 :Text;   # whose run it is
  runId @1 :UInt32;  # 0 for the task's first
}

struct Worker {
  # A worker as the queue has met it.
  workerGroup @0 :Text;  # such as its host or region; with workerId its name in the queue
  workerId @1 :Text;                   # unlike all others of its group
  firstClaim @2 :Int64 $A.dateTime;    # of any task; of a worker without one, when it was last seen
  latestTask @3 :TaskRun $A.optional;  # the one it claimed last; null before the first
  lastDateActive @4 :Int64 $A.optional $A.dateTime;  # when it last connected, claimed or went away
  quarantineUntil @5 :Int64 $A.optional $A.dateTime;
  # it is given no tasks until then; 0, as nothing sets it: not quarantined
}

interface Queue {
  # Errors are exceptions whose text starts with the API's code: `ResourceNotFound: ...`.
  # Lists are paged: `limit` 1..1000 (0 means 1000); a page without `continuationToken` is the last.
  ping @0 () -> (alive :Bool, uptime :Float64);  # seconds
  task @1 (taskId :Text) -> (task :TaskDefinition);
  # The definition, with defaults filled in and the present priority.
  status @2 (taskId :Text) -> (status :TaskStatus);
  # Its state and runs. A task that is still being created is not found.
  statuses @3 (taskIds :List(Text)) -> (statuses :List(TaskStatus));  # unknown ids are left out
  createTask @4 (taskId :Text, task :TaskDefinition) -> (status :TaskStatus);
  # Makes a task; the answer comes once it is in its group, and queued if nothing holds it. An
  # identical repeat is answered like the first; another definition is a `RequestConflict`.
  scheduleTask @5 (taskId :Text) -> (status :TaskStatus);
  # Makes an unscheduled task pending, whatever it depends on; any other is left as it is.
  rerunTask @6 (taskId :Text, requestId :Text) -> (status :TaskStatus);
  # A new run for a task that has ended, or waits unscheduled; one that is pending or running is
  # left as it is. Refused after the deadline, and after 50 runs.
  # `requestId`: an id of 22 characters that the caller makes; repeated with the same one it is
  # answered as before and makes no other run. Empty: a repeat is a new request.
  cancelTask @7 (taskId :Text) -> (status :TaskStatus);
  # Ends its open run as `canceled`; without one, makes a run that has ended so. A task that has
  # ended is left as it is.
  listTaskGroup @8 (taskGroupId :Text, continuationToken :Text, limit :UInt32)
      -> (group :TaskGroup, tasks :List(TaskAndStatus), continuationToken :Text $A.optional);
  # Its tasks, in the order of their ids.
  getTaskGroup @9 (taskGroupId :Text) -> (group :TaskGroup);
  # The group alone, without its tasks.
  sealTaskGroup @10 (taskGroupId :Text) -> (group :TaskGroup);
  # No task may join from now on; those in it go on. Irreversible, and repeating it is safe.
  listDependentTasks @11 (taskId :Text, continuationToken :Text, limit :UInt32)
      -> (taskId :Text, tasks :List(TaskAndStatus), continuationToken :Text $A.optional);
  # The tasks that name this one in `dependencies`, in the order of their ids.
  listArtifacts @12 (taskId :Text, runId :UInt32, continuationToken :Text, limit :UInt32)
      -> (artifacts :List(Artifact), continuationToken :Text $A.optional);
  # Of the run named, in the order of names.
  listLatestArtifacts @13 (taskId :Text, continuationToken :Text, limit :UInt32)
      -> (artifacts :List(Artifact), continuationToken :Text $A.optional);
  # The same of the task's last run, whatever its state.
  artifactInfo @14 (taskId :Text, runId :UInt32, name :Text) -> (artifact :Artifact);
  # What is known of one artifact; its bytes come from `Troupe.readArtifact`.
  latestArtifactInfo @15 (taskId :Text, name :Text) -> (artifact :Artifact);
  # The same of the task's last run.
  listTaskQueues @16 (continuationToken :Text, limit :UInt32)
      -> (taskQueues :List(TaskQueue), continuationToken :Text $A.optional);
  # In the order of their ids; queues that no worker ever asked are left out.
  taskQueueCounts @17 (taskQueueId :Text)
      -> (taskQueueId :Text, pendingTasks :UInt64, claimedTasks :UInt64);
  # How many runs wait in it, and how many its workers hold. Both 0 for an unknown queue.
  listPendingTasks @18 (taskQueueId :Text, continuationToken :Text, limit :UInt32)
      -> (tasks :List(PendingTask), continuationToken :Text $A.optional);
  # Those that wait longest first, whatever their priority. Empty for an unknown queue.
  listWorkers @19 (taskQueueId :Text, continuationToken :Text, limit :UInt32)
      -> (workers :List(Worker), continuationToken :Text $A.optional);
  # All that it ever met, connected or not, in the order of group and id.
}
