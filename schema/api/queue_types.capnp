@0xe3a7c05d9b12f846;
# What the queue's methods take and answer with. Names are those of Taskcluster's queue service.
# Times are milliseconds since 1970, UTC; 0 is absent.
#
# Apart from the methods, since most of the program needs no more than this.

using Cxx = import "/capnp/c++.capnp";
using A = import "annotations.capnp";
using N = import "queue_names.capnp";
using R = import "queue_artifacts.capnp";
$Cxx.namespace("troupe::schema");

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

struct TaskMetadata $A.schema("task-metadata") {
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
  taskQueueId @2 :Text $A.optional $A.pattern(N.taskQueueIdPattern)
      $A.form(N.taskQueueIdForm);
  # `provisionerId/workerType`.
  schedulerId @3 :Text = "-" $A.default("\"-\"") $A.length((min = 1, max = 38))
      $A.pattern("^([a-zA-Z0-9-_]*)$") $A.form("letters, digits, - or _, such as my-scheduler");
  # All tasks of a group share it.
  projectId @4 :Text = "none" $A.default("\"none\"") $A.length((min = 1, max = 500))
      $A.pattern("^([a-zA-Z0-9._/-]*)$")
      $A.form("letters, digits, ., _, / or -, such as team/project");
  # What it is part of, such as a source repository; for accounting.
  taskGroupId @5 :Text $A.optional $A.pattern(N.taskIdPattern)
      $A.form(N.taskIdForm);                                     # the task's own id if absent
  dependencies @6 :List(Text) $A.default("[]") $A.items((max = 10000)) $A.unique
      $A.pattern(N.taskIdPattern) $A.form(N.taskIdForm);          # tasks that must end first
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
  runId @0 :UInt32 $A.required $A.range((max = 1000));  # 0 for the first
  state @1 :TaskState $A.required;               # never unscheduled
  reasonCreated @2 :ReasonCreated $A.required;   # set when the run is made, for ever
  reasonResolved @3 :ReasonResolved $A.optional;  # `none` until the run has ended
  workerGroup @4 :Text $A.optional $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # once claimed
  workerId @5 :Text $A.optional $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # once claimed
  takenUntil @6 :Int64 $A.optional $A.dateTime;  # end of the claim, kept after resolution
  scheduled @7 :Int64 $A.required $A.dateTime;
  # when it became pending, or was made to hold a reason
  started @8 :Int64 $A.optional $A.dateTime;     # when it was claimed; 0 if it never was
  resolved @9 :Int64 $A.optional $A.dateTime;    # when it ended; 0 until then
}

struct TaskStatus $A.schema("task-status") {
  # What changes about a task while it lives, with what it is found by.
  taskId @0 :Text $A.required $A.pattern(N.taskIdPattern);  # a slugid, see `taskIdPattern`
  provisionerId @1 :Text $A.required $A.pattern(N.pathNamePattern);  # first half of taskQueueId
  workerType @2 :Text $A.required $A.pattern(N.workerTypePattern);  # second half of taskQueueId
  taskQueueId @3 :Text $A.required $A.pattern(N.taskQueueIdPattern);
  # the queue whose workers may claim it
  schedulerId @4 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.schedulerIdPattern);
  # that of all tasks of its group
  projectId @5 :Text $A.required $A.length((min = 1, max = 500))
      $A.pattern("^([a-zA-Z0-9._/-]*)$");  # `none` if the definition had none
  taskGroupId @6 :Text $A.required $A.pattern(N.taskIdPattern);
  # the task's own id if the definition had none
  deadline @7 :Int64 $A.required $A.dateTime;
  # past it nothing starts it any more; open runs are ended soon after
  expires @8 :Int64 $A.required $A.dateTime;
  # until then its record is kept; never before `deadline`
  retriesLeft @9 :Int32 $A.required $A.range((max = 999));  # automatic retries still allowed, 0..49
  state @10 :TaskState $A.required;           # of the last run
  runs @11 :List(Run) $A.required;
  # oldest first, each at the index of its runId; 50 at most
  priority @12 :Priority;         # its present one
}

struct TaskAndStatus $A.schema("task-definition-and-status") {
  # A task as lists have it.
  status @0 :TaskStatus $A.required;    # as it was when the list was made
  task @1 :TaskDefinition $A.required;  # as createTask stored it
}

struct TaskGroup $A.schema("task-group-response") {
  # Tasks that belong together: made by the first task that names it.
  taskGroupId @0 :Text $A.required $A.pattern(N.taskIdPattern);  # usually the id of its first task
  schedulerId @1 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.schedulerIdPattern);
  # of its first task; tasks with another may not join
  expires @2 :Int64 $A.required $A.dateTime;
  # an hour after the latest `expires` of its tasks, or more; never shortened
  sealed @3 :Int64 $A.optional $A.dateTime;  # no task may join since then
}

struct Artifact $A.schema("artifact-response") {
  # What is known of one artifact of a run, without its bytes.
  storageType @0 :Text $A.required;
  # `s3` or `object` (both kept here), `link`, `reference` or `error`
  name @1 :Text $A.required $A.length((max = 1024));
  # unlike all others of its run; 1..1024 printable ASCII characters
  expires @2 :Int64 $A.required $A.dateTime;
  # until then it is kept; never after the task's `expires`
  contentType @3 :Text $A.required $A.length((max = 255));  # MIME type, as the worker said
  contentLength @4 :Int64 = -1 $A.optional $A.range((max = 9223372036854775807));
  # bytes; -1 unknown
}

struct PendingTask {
  # A run that waits for a worker.
  taskId @0 :Text $A.required $A.pattern(N.taskIdPattern);  # whose run it is
  runId @1 :UInt32 $A.required $A.range((max = 1000));  # always the task's last
  inserted @2 :Int64 $A.required $A.dateTime;  # when the run entered the queue; a retry enters anew
  task @3 :TaskDefinition $A.required;         # null if the task is not visible
}

struct ClaimedTask {
  # A run that a worker holds.
  taskId @0 :Text $A.required $A.pattern(N.taskIdPattern);  # whose run it is
  runId @1 :UInt32 $A.required $A.range((max = 1000));  # always the task's last
  workerGroup @2 :Text $A.required;           # of the worker that holds it
  workerId @3 :Text $A.required;              # of the worker that holds it
  claimed @4 :Int64 $A.required $A.dateTime;  # the latest claim or reclaim
  task @5 :TaskDefinition $A.required;        # its definition
}

struct TaskQueue $A.schema("taskqueue-response") {
  # A queue that a worker has asked for tasks at least once.
  taskQueueId @0 :Text $A.required $A.pattern(N.taskQueueIdPattern);
  # the queue's name; tasks and workers give the same
  stability @1 :Text $A.required;    # always `experimental`; clients of Taskcluster expect it
  description @2 :Text $A.required;  # for people; empty, as nothing sets it
  expires @3 :Int64 $A.required $A.dateTime;         # a day after a worker last asked, or more
  lastDateActive @4 :Int64 $A.required $A.dateTime;  # when a worker last asked, to half an hour
}

struct WorkerType $A.schema("workertype-response") {
  # A task queue under the two halves of its name.
  provisionerId @0 :Text $A.required $A.pattern(N.pathNamePattern);  # first half of taskQueueId
  workerType @1 :Text $A.required $A.pattern(N.workerTypePattern);  # second half of taskQueueId
  taskQueueId @2 :Text $A.required $A.pattern(N.taskQueueIdPattern);  # both
  stability @3 :Text $A.required;      # as of a TaskQueue
  description @4 :Text $A.required;    # as of a TaskQueue
  expires @5 :Int64 $A.required $A.dateTime;         # as of a TaskQueue
  lastDateActive @6 :Int64 $A.required $A.dateTime;  # as of a TaskQueue
}

struct Provisioner $A.schema("provisioner-response") {
  # All task queues whose names begin alike.
  provisionerId @0 :Text $A.required $A.pattern(N.pathNamePattern);  # what they begin with
  stability @1 :Text $A.required;      # always `experimental`
  description @2 :Text $A.required;    # empty
  expires @3 :Int64 $A.required $A.dateTime;         # the latest of its queues
  lastDateActive @4 :Int64 $A.required $A.dateTime;  # the latest of its queues
}

struct TaskRun $A.schema("task-run") {
  # Names one run.
  taskId @0 :Text $A.required $A.pattern(N.taskIdPattern);  # whose run it is
  runId @1 :UInt32 $A.required $A.range((max = 1000));  # 0 for the task's first
}

struct Worker {
  # A worker as lists have it.
  workerGroup @0 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # such as its host or region; with workerId its name in the queue
  workerId @1 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # unlike all others of its group
  firstClaim @2 :Int64 $A.required $A.dateTime;  # when the queue first met it
  latestTask @3 :TaskRun $A.optional;  # the one it claimed last; null before the first
  lastDateActive @4 :Int64 $A.optional $A.dateTime;  # when it last connected, claimed or went away
  quarantineUntil @5 :Int64 $A.optional $A.dateTime;
  # it is given no tasks until then; absent if it is not in quarantine
}

struct QuarantineChange {
  # One change of a worker's quarantine.
  clientId @0 :Text $A.required;                      # who made it
  updatedAt @1 :Int64 $A.required $A.dateTime;        # when
  quarantineUntil @2 :Int64 $A.required $A.dateTime;  # until when it was to be
  quarantineInfo @3 :Text $A.required;                # why, for people
}

struct WorkerDetails $A.schema("worker-response") {
  # A worker, with what it did last.
  provisionerId @0 :Text $A.required $A.pattern(N.pathNamePattern);  # first half of taskQueueId
  workerType @1 :Text $A.required $A.pattern(N.workerTypePattern);  # second half of taskQueueId
  taskQueueId @2 :Text $A.optional $A.pattern(N.taskQueueIdPattern);  # the queue it serves
  workerGroup @3 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # such as its host or region
  workerId @4 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # unlike all others of its group
  recentTasks @5 :List(TaskRun) $A.required;      # the last 20 that it claimed, newest last
  expires @6 :Int64 $A.required $A.dateTime;      # it is forgotten then, if it is not seen again
  quarantineUntil @7 :Int64 $A.optional $A.dateTime;
  # it is given no tasks until then; ten years ago if it never was in quarantine
  firstClaim @8 :Int64 $A.required $A.dateTime;   # when the queue first met it
  lastDateActive @9 :Int64 $A.optional $A.dateTime;  # when it last claimed or reclaimed
  quarantineDetails @10 :List(QuarantineChange) $A.optional;  # left out: worker-manager tells it
}

struct ProvisionerPage $A.schema("list-provisioners-response") {
  # A page of provisioners.
  provisioners @0 :List(Provisioner) $A.required;  # in the order of their names
  continuationToken @1 :Text $A.optional;          # of the next page
}

struct WorkerTypePage $A.schema("list-workertypes-response") {
  # A page of the task queues of a provisioner.
  workerTypes @0 :List(WorkerType) $A.required;  # in the order of their names
  continuationToken @1 :Text $A.optional;        # of the next page
}

struct WorkerPage $A.schema("list-workers-response") {
  # A page of the workers of a task queue.
  workers @0 :List(Worker) $A.required;    # in the order of group and id
  continuationToken @1 :Text $A.optional;  # of the next page
}

struct QuarantineRequest $A.schema("quarantine-worker-request") {
  # What quarantineWorker sets.
  quarantineUntil @0 :Int64 $A.required $A.dateTime;  # given no tasks until then; past: given again
  quarantineInfo @1 :Text $A.optional $A.length((max = 4000));  # why, for people
}

struct WorkerUpdate $A.schema("update-worker-request") {
  # What declareWorker sets.
  expires @0 :Int64 $A.required $A.dateTime;  # kept until then, or longer
}

struct TaskIds $A.schema("tasks-request") {
  # Which tasks are asked for.
  taskIds @0 :List(Text) $A.default("[]");  # any texts: what is no task is left out
}

struct NamedTask {
  # A definition with its id.
  taskId @0 :Text $A.required;            # whose it is
  task @1 :TaskDefinition $A.required;    # as createTask stored it
}

struct TaskPage $A.schema("tasks-response") {
  # A page of the tasks asked for.
  tasks @0 :List(NamedTask) $A.required;   # each once, in no order
  continuationToken @1 :Text $A.optional;  # of the next page
}

struct NamedStatus {
  # A status with its task's id.
  taskId @0 :Text $A.required;          # whose it is
  status @1 :TaskStatus $A.required;    # as it was when the page was made
}

struct TaskStatusPage $A.schema("tasks-statuses-response") {
  # A page of the statuses asked for.
  statuses @0 :List(NamedStatus) $A.required;  # each task once, in no order
  continuationToken @1 :Text $A.optional;      # of the next page
}

struct PriorityRequest $A.schema("change-task-priority-request") {
  # What changeTaskPriority sets.
  newPriority @0 :Priority $A.required;  # another than the present one
}

struct CancelledTaskGroup $A.schema("cancel-task-group-response") {
  # What cancelTaskGroup did.
  taskGroupId @0 :Text $A.required $A.pattern(N.taskIdPattern);  # of which group
  taskGroupSize @1 :UInt64 $A.required;       # how many members it has
  cancelledCount @2 :UInt64 $A.required;      # how many of them this call ended
  taskIds @3 :List(Text) $A.required $A.unique $A.pattern(N.taskIdPattern);  # which those are
}

struct TaskGroupPriority $A.schema("task-group-priority-change-response") {
  # What changeTaskGroupPriority did.
  taskGroupId @0 :Text $A.required $A.pattern(N.taskIdPattern);  # of which group
  schedulerId @1 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.schedulerIdPattern);
  # of all its tasks
  newPriority @2 :Priority $A.required;       # as it was asked for
  tasksAffected @3 :UInt64 $A.required;       # how many tasks have it now and had another before
  taskIds @4 :List(Text) $A.required $A.unique $A.pattern(N.taskIdPattern);  # which those are
}

struct ClaimWorkRequest $A.schema("claim-work-request") {
  # Who asks for work, and for how much.
  workerGroup @0 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # such as its host or region; with workerId its name in the queue
  workerId @1 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # unlike all others of its group
  tasks @2 :UInt32 = 1 $A.default("1") $A.range((min = 1, max = 32));
  # at most as many
}

struct ClaimTaskRequest $A.schema("task-claim-request") {
  # Who claims a run by its name.
  workerGroup @0 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # such as its host or region
  workerId @1 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # unlike all others of its group
}

struct TaskClaim $A.schema("task-claim-response") {
  # A run that its worker is to work on.
  status @0 :TaskStatus $A.required;        # shows the run as running
  runId @1 :UInt32 $A.required $A.range((max = 1000));  # always the task's last
  workerGroup @2 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # of the worker that holds it
  workerId @3 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # of the worker that holds it
  takenUntil @4 :Int64 $A.required $A.dateTime;  # reclaim before
  task @5 :TaskDefinition $A.required;           # what to run
  credentials @6 :R.TaskCredentials $A.required;
  # to reclaim and report with, and the task's scopes
}

struct TaskReclaim $A.schema("task-reclaim-response") {
  # A claim that was renewed.
  status @0 :TaskStatus $A.required;        # with the run's new takenUntil
  runId @1 :UInt32 $A.required $A.range((max = 1000));  # always the task's last
  workerGroup @2 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # of the worker that holds it
  workerId @3 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.namePattern);
  # of the worker that holds it
  takenUntil @4 :Int64 $A.required $A.dateTime;  # reclaim again before
  credentials @5 :R.TaskCredentials $A.required;   # instead of the earlier ones
}

struct WorkClaims $A.schema("claim-work-response") {
  # What a worker is to work on; nothing if nothing came.
  tasks @0 :List(TaskClaim) $A.required;  # most urgent first
}

enum ReportedReason {
  # Why a worker gives a run up. Source: spec/queue.md, section 8.
  none @0 $A.jsonName("");                                   # not named
  workerShutdown @1 $A.jsonName("worker-shutdown");          # it stops; retried
  malformedPayload @2 $A.jsonName("malformed-payload");      # the payload makes no sense to it
  resourceUnavailable @3 $A.jsonName("resource-unavailable");
  # something the payload names cannot be had
  internalError @4 $A.jsonName("internal-error");            # a fault of the worker
  intermittentTask @5 $A.jsonName("intermittent-task");      # the task asked for it; retried
}

struct ExceptionReport $A.schema("task-exception-request") {
  # What reportException says.
  reason @0 :ReportedReason $A.required;  # why
}

struct TaskStatusResponse $A.schema("task-status-response") {
  # Of those methods that answer with a task's status.
  status @0 :TaskStatus $A.required;  # as it is after the call
}

struct TaskGroupPage $A.schema("list-task-group-response") {
  # A task group and a page of its tasks.
  taskGroupId @0 :Text $A.required $A.pattern(N.taskIdPattern);  # usually the id of its first task
  schedulerId @1 :Text $A.required $A.length((min = 1, max = 38)) $A.pattern(N.schedulerIdPattern);
  # of all its tasks
  expires @2 :Int64 $A.required $A.dateTime;             # when its record goes
  sealed @3 :Int64 $A.optional $A.dateTime;  # no task may join since then
  tasks @4 :List(TaskAndStatus) $A.required;             # in the order of their ids
  continuationToken @5 :Text $A.optional;    # of the next page
}

struct DependentTasks $A.schema("list-dependent-tasks-response") {
  # A page of the tasks that wait for one.
  taskId @0 :Text $A.required $A.pattern(N.taskIdPattern);  # what they wait for
  tasks @1 :List(TaskAndStatus) $A.required;           # in the order of their ids
  continuationToken @2 :Text $A.optional;  # of the next page
}

struct ArtifactPage $A.schema("list-artifacts-response") {
  # A page of the artifacts of a run.
  artifacts @0 :List(Artifact) $A.required;            # in the order of their names
  continuationToken @1 :Text $A.optional;  # of the next page
}

struct TaskQueuePage $A.schema("list-taskqueues-response") {
  # A page of the task queues.
  taskQueues @0 :List(TaskQueue) $A.required;          # in the order of their ids
  continuationToken @1 :Text $A.optional;  # of the next page
}

struct TaskQueueCounts $A.schema("task-queue-counts-response") {
  # How much a task queue has to do.
  provisionerId @0 :Text $A.required $A.pattern(N.pathNamePattern);  # first half of taskQueueId
  workerType @1 :Text $A.required $A.pattern(N.workerTypePattern);  # second half of taskQueueId
  taskQueueId @2 :Text $A.required $A.pattern(N.taskQueueIdPattern);  # which
  pendingTasks @3 :UInt64 $A.required;  # runs that wait in it
  claimedTasks @4 :UInt64 $A.required;  # runs that its workers hold
}

struct PendingCount $A.schema("pending-tasks-response") {
  # How much waits in a task queue.
  provisionerId @0 :Text $A.required $A.pattern(N.pathNamePattern);  # first half of taskQueueId
  workerType @1 :Text $A.required $A.pattern(N.workerTypePattern);  # second half of taskQueueId
  taskQueueId @2 :Text $A.required $A.pattern(N.taskQueueIdPattern);  # which
  pendingTasks @3 :UInt64 $A.required;  # runs that wait in it
}

struct ClaimedTasks $A.schema("list-claimed-tasks-response") {
  # A page of what the workers of a task queue hold.
  tasks @0 :List(ClaimedTask) $A.required;  # those claimed or reclaimed longest ago first
  continuationToken @1 :Text $A.optional;   # of the next page
}

struct PendingTasks $A.schema("list-pending-tasks-response") {
  # A page of what waits in a task queue.
  tasks @0 :List(PendingTask) $A.required;             # those that wait longest first
  continuationToken @1 :Text $A.optional;  # of the next page
}
