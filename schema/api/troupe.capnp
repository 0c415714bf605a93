@0xe0b7c2d95a4f1386;
# Troupe's own methods, beyond Taskcluster's services.

using Cxx = import "/capnp/c++.capnp";
using A = import "annotations.capnp";
using M = import "monitoring.capnp";
using Q = import "queue_types.capnp";
using Stream = import "../rpc/stream.capnp";
$Cxx.namespace("troupe::schema");

struct NewTask {
  # A task to create, under an id that the caller chose.
  taskId @0 :Text;            # a fresh slugid
  task @1 :Q.TaskDefinition;  # as for `Queue.createTask`
}

struct TaskError {
  # Why one task of a list cannot be created.
  taskId @0 :Text;   # as the caller gave it
  code @1 :Text;     # `InputError`, `RequestConflict`...
  message @2 :Text;  # for people: what is wrong and where
  field @3 :Text;    # what is wrong, by its path in the call: `tasks[3].metadata.owner`
}

struct Blocker {
  # A task that another one waits for.
  taskId @0 :Text;          # the required task
  name @1 :Text;            # the task's metadata.name
  state @2 :Q.TaskState;    # at this moment
  reason @3 :Q.ReasonResolved $A.optional;  # of its last run, if that has ended
}

struct MemberReason {
  # Members of a task group that are in the same position.
  code @0 :Text;     # as of an Explanation; empty: nothing is wrong
  tasks @1 :UInt64;  # how many
  taskId @2 :Text;   # one of them
  name @3 :Text;     # its metadata.name
  message @4 :Text;  # what is said of that one
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
  members @7 :List(MemberReason) $A.optional;
  # Of a task group: those that have not ended, by reason, the worst first; at most 20 reasons.
  # Of a queue: those that wait in it.
  predictedStart @8 :Int64 $A.optional $A.dateTime;
  # When a pending task is likely to start, going by how fast its queue has moved; 0: not known.
  lookedAt @9 :Int64 = -1 $A.optional;
  # Of a queue: how many of those that wait are in `members`, or would be if that were longer; -1:
  # not a queue. With very many, it is not all.
  staff @10 :List(WorkerSummary) $A.optional;
  # Of a queue: its workers, those that are there first; at most 20.
}

struct GroupSummary {
  # A task group as lists have it.
  group @0 :Q.TaskGroup;  # its record
  tasks @1 :UInt64;       # members
  unresolved @2 :UInt64;  # members that never ended
  created @3 :Int64 $A.dateTime;  # when its first task joined
  name @4 :Text;          # metadata.name of its first task
}

struct QueueSummary {
  # A task queue as lists have it: of those that a worker or a task has named.
  taskQueueId @0 :Text;   # `provisionerId/workerType`
  pending @1 :UInt64;     # runs that wait for a worker
  claimed @2 :UInt64;     # runs that its workers hold, those out of contact included
  workers @3 :UInt64;     # connected, or heard of over HTTP within 35 minutes
  capacity @4 :UInt64;    # tasks that these run at once
  paused @5 :UInt64;      # of the connected, how many take no tasks
  pause @6 :Text;         # why, for the first of them
}

struct WorkerSummary {
  # A worker with its connection and what it runs.
  taskQueueId @0 :Text;        # the queue it serves
  workerGroup @1 :Text;        # such as its host or region
  workerId @2 :Text;           # unlike all others of its group and queue
  connected @3 :Bool;          # right now, or was heard of over HTTP within 35 minutes
  capacity @4 :UInt32;         # tasks it runs at once, as it last said: 1..200
  claims @5 :List(Q.TaskRun);  # what it runs
  lastDateActive @6 :Int64 $A.dateTime;  # when it last connected, claimed or went away
  host @7 :Text;               # the machine's name, for people
  version @8 :Text;            # of its program, such as `0.1.0`
  pause @9 :Text;              # why it takes no tasks: in its own words, or its quarantine
  polls @10 :Bool;             # it asks over HTTP, and says neither `capacity` nor `host`
  resources @11 :Text;         # what it offers to all its tasks together: `cpu=8,memory=16GiB`;
                               # empty: it takes every task, whatever that asks for
  quarantineUntil @12 :Int64 $A.optional $A.dateTime;  # if it is in quarantine, or drained
  drained @13 :Bool;           # that quarantine is a drain: it ends when somebody ends it
  quarantines @14 :List(Q.QuarantineChange) $A.optional;  # the last 20 changes, newest last
}

struct Event {
  # An entry of the event log: something that has happened, and is on disk.
  position @0 :Text;     # opaque
  exchange @1 :Text;     # `exchange/taskcluster-queue/v1/task-pending`
  routingKey @2 :Text;   # words with dots between, `primary.` first; see spec/events.md
  cc @3 :List(Text);     # further keys that it is found by: `route.` and each of the task's routes
  time @4 :Int64 $A.dateTime;  # when it was written down
  payload @5 :Text $A.jsonText;  # the message's JSON, as Taskcluster's schemas have it
}

struct Tail {
  # How far the log of a task's last run has come.
  taskId @0 :Text;       # whose log it is
  runId @1 :UInt32;      # the last run
  line @2 :Text;         # what the run last printed, cut to 200 characters
  bytes @3 :UInt64;      # size of its log so far
}

struct TokenSummary {
  # A worker token without its secret part.
  clientId @0 :Text;              # `troupe/worker/POOL/ID`
  pool @1 :Text;                  # the one task queue that it may claim from
  created @2 :Int64 $A.dateTime;  # when it was made
  expires @3 :Int64 $A.dateTime;  # it is refused from then on
  revoked @4 :Bool;               # it is refused for ever, whatever `expires` says
}

struct DeadLetter {
  # A message between actors that its receiver could not process.
  number @0 :UInt64;     # names it
  to @1 :Text;           # `task/dSlITZ4yQgmvxxAi4A8fHQ`
  from @2 :Text;         # empty: a timer of its own
  message @3 :Text;      # `claimRun`, or `timer lease`
  attempts @4 :UInt32;   # before it was given up
  error @5 :Text;        # of the last one
  parked @6 :Int64 $A.dateTime;  # when it was given up
}

struct BackupCounts {
  # What a backup holds so far.
  rows @0 :UInt64;         # of all shards
  rowBytes @1 :UInt64;     # of their keys and values
  logs @2 :UInt64;         # of runs that have not ended
  files @3 :UInt64;        # keys, credentials, configuration
  blobs @4 :UInt64;        # all that are in it
  blobsCopied @5 :UInt64;  # of these, new to it
  bytesCopied @6 :UInt64;  # of new blobs
}

interface EventSink {
  # Of who subscribes to the event log.
  push @0 (events :List(Event), next :Text) -> stream;
  # In their order. `next`: where to go on after these.
}

interface BackupObserver {
  # Of who asks for a backup: hears how far it is.
  progress @0 (counts :BackupCounts) -> ();  # about once a second; the copy waits for the answer
}

interface Troupe extends(M.Monitoring)
    $A.service((name = "troupe", title = "Troupe",
                description = "What Taskcluster's services have no method for.")) {
  # What Taskcluster's services have no method for. Errors and pages are as in `Queue`.
  checkTasks @0 (tasks :List(NewTask)) -> (errors :List(TaskError))
      $A.method((access = (needs = (scope = "troupe:checkTasks")),
                 title = "Check Tasks", category = "Troupe",
                 description = "What createTask would say of tasks."));
  # Runs createTask's checks on all and creates nothing. Tasks of the list count as existing.
  createTasks @1 (tasks :List(NewTask), hold :Bool) -> (statuses :List(Q.TaskStatus))
      $A.method((access = (needs = (scope = "troupe:createTasks")),
                 title = "Create Tasks", category = "Troupe",
                 description = "Makes up to 100 tasks."));
  # At most 100. A fault of form, a missing scope or a circle among them: none is created. Then each
  # is made as by createTask, those that need others of the list after these; if any is refused (an
  # unknown dependency, a conflict, a sealed group), the call fails with the first refusal, which
  # names its task, and others may be there: repeating it is safe. With `hold` none runs before
  # releaseTasks.
  releaseTasks @2 (taskGroupId :Text) -> (released :UInt64)
      $A.method((access = (needs = (scope = "troupe:releaseTasks")),
                 title = "Release Tasks", category = "Troupe",
                 description = "Lets go of the tasks of a group that are held."));
  # Lets go of every task of the group that `hold` keeps; the answer is how many those were.
  explain @3 (subject :Text) -> (explanation :Explanation $A.body)
      $A.method((verb = get, route = "/explain/<subject...>",
                 access = (needs = (scope = "troupe:explain")),
                 title = "Explain", category = "Troupe", output = "explanation",
                 description = "Why something is not running, and what would help."));
  # A task id, group id, `prov/type` of a queue, or `prov/type/group/id` of a worker.
  listTasks @4 (state :Text, taskQueueId :Text, continuationToken :Text, limit :UInt32 = 1000,
                name :Text, owner :Text, source :Text, tag :Text, projectId :Text,
                taskGroupId :Text, createdAfter :Text, createdBefore :Text, priority :Text)
      -> (tasks :List(Q.TaskAndStatus), continuationToken :Text $A.optional)
      $A.method((verb = get, route = "/tasks", access = (needs = (scope = "troupe:tasks")),
                 title = "List Tasks", category = "Troupe", output = "list-tasks-response",
                 description = "Tasks, newest first."));
  # Newest first; empty texts match all. `name`, `owner` and `source` match a part of the metadata,
  # whatever its case; `tag` is `key` or `key=value`; times are RFC 3339. A page may be short, even
  # empty, and have a `continuationToken`: a call looks at a limited number of tasks.
  listTaskGroups @5 (continuationToken :Text, limit :UInt32 = 1000)
      -> (groups :List(GroupSummary), continuationToken :Text $A.optional)
      $A.method((access = (needs = (scope = "troupe:listTaskGroups")),
                 title = "List Task Groups", category = "Troupe",
                 description = "Task groups, newest first."));  # newest first
  findIds @6 (prefix :Text) -> (taskIds :List(Text), taskGroupIds :List(Text))
      $A.method((access = (needs = (scope = "troupe:findIds")),
                 title = "Find Ids", category = "Troupe",
                 description = "Ids that begin with a text."));
  # At most 10 of each.
  events @7 (after :Text, limit :UInt32 = 1000, exchange :Text, routingKey :Text, wait :UInt32)
      -> (events :List(Event), next :Text)
      $A.method((verb = get, route = "/events", access = (needs = (scope = "troupe:events")),
                 title = "Events", category = "Troupe", output = "events-response",
                 description = "The event log."));
  # `after`: a position, empty for the oldest kept, `now` for what comes. `wait`: seconds to wait
  # for the first. Filters are AMQP patterns; empty matches all.
  readLog @8 (taskId :Text, runId :UInt32, offset :UInt64, follow :Bool, sink :Stream.ByteStream)
      -> (size :UInt64, finished :Bool)
      $A.method((access = (needs = (scope = "queue:get-artifact:public/logs/live.log")),
                 title = "Read Log", category = "Troupe",
                 description = "The log of a run, as it grows."));
  # Streams the run's log from `offset`; with `follow` until the run has ended.
  tails @9 (taskIds :List(Text)) -> (tails :List(Tail))
      $A.method((access = (needs = (scope = "troupe:tails")),
                 title = "Tails", category = "Troupe",
                 description = "The last lines of logs."));  # of those with a log
  readArtifact @10 (taskId :Text, runId :Int32, name :Text, offset :UInt64,
                    sink :Stream.ByteStream)
      -> (artifact :Q.Artifact, sha256 :Data, size :UInt64, runId :UInt32)
      $A.method((access = (needs = (scope = "queue:get-artifact:<name>")),
                 title = "Read Artifact", category = "Troupe",
                 description = "The bytes of an artifact."));
  # `runId` -1 is the latest. Links are followed.
  listQueues @11 (taskQueueId :Text, continuationToken :Text, limit :UInt32 = 1000)
      -> (queues :List(QueueSummary), continuationToken :Text $A.optional)
      $A.method((access = (needs = (scope = "troupe:listQueues")),
                 title = "List Queues", category = "Troupe",
                 description = "The task queues, with what they have to do."));
  # In the order of their ids. `taskQueueId`: that one alone; empty: all.
  listWorkers @12 (taskQueueId :Text, workerGroup :Text, workerId :Text,
                   continuationToken :Text, limit :UInt32 = 1000)
      -> (workers :List(WorkerSummary), continuationToken :Text $A.optional)
      $A.method((access = (needs = (scope = "troupe:listWorkers")),
                 title = "List Workers", category = "Troupe",
                 description = "The workers, with what they do."));
  # In the order of their ids. `taskQueueId`: those of this queue; with both others: that one alone.
  createWorkerToken @13 (pool :Text, expires :Int64, requestId :Text)
      -> (clientId :Text, accessToken :Text, expires :Int64)
      $A.method((access = (needs = (scope = "troupe:createWorkerToken")),
                 title = "Create Worker Token", category = "Troupe",
                 description = "What a worker joins with."));
  # A secret for a worker that joins `pool`; `expires` is ms since 1970 and in the future. The
  # access token is told here and never again: the server keeps it encrypted.
  # `requestId`: as of rerunTask; whoever knows it can read the token again.
  listWorkerTokens @14 () -> (tokens :List(TokenSummary))
      $A.method((access = (needs = (scope = "troupe:listWorkerTokens")),
                 title = "List Worker Tokens", category = "Troupe",
                 description = "What workers may join with."));
  # All that were ever made, revoked and expired ones too.
  revokeWorkerToken @15 (clientId :Text) -> ()
      $A.method((access = (needs = (scope = "troupe:revokeWorkerToken")),
                 title = "Revoke Worker Token", category = "Troupe",
                 description = "Ends what a worker joined with."));
  # For ever. Workers that are connected with it are cut off at once, and their claims are lost.
  serverInfo @16 () -> (version :Text, rootUrl :Text, started :Int64, pid :UInt64)
      $A.method((access = (needs = (scope = "troupe:serverInfo")),
                 title = "Server Info", category = "Troupe",
                 description = "Which server answers."));
  # Of the process that answers: `started` is ms since 1970.
  listDeadLetters @17 (continuationToken :Text, limit :UInt32 = 1000)
      -> (letters :List(DeadLetter), continuationToken :Text $A.optional)
      $A.method((access = (needs = (scope = "troupe:listDeadLetters")),
                 title = "List Dead Letters", category = "Troupe",
                 description = "Messages that no handler could process."));  # oldest message first
  showDeadLetter @18 (number :UInt64) -> (letter :DeadLetter, body :Text)
      $A.method((access = (needs = (scope = "troupe:showDeadLetter")),
                 title = "Show Dead Letter", category = "Troupe",
                 description = "One such message."));
  # The body as text for people.
  retryDeadLetters @19 (numbers :List(UInt64)) -> ()
      $A.method((access = (needs = (scope = "troupe:retryDeadLetters")),
                 title = "Retry Dead Letters", category = "Troupe",
                 description = "Puts such messages back."));
  # Puts at most 100 back to their actors, as if they had never been tried. If one of them does not
  # exist, nothing is done.
  discardDeadLetters @20 (numbers :List(UInt64)) -> ()
      $A.method((access = (needs = (scope = "troupe:discardDeadLetters")),
                 title = "Discard Dead Letters", category = "Troupe",
                 description = "Drops such messages."));  # likewise
  backup @21 (path :Text, blobs :Bool, bytesPerSecond :UInt64, observer :BackupObserver)
      -> (counts :BackupCounts)
      $A.method((access = (needs = (scope = "troupe:backup")),
                 title = "Backup", category = "Troupe",
                 description = "Copies the data."));
  # Copies the data into a folder of the server's machine; one at a time. Ends early, leaving a
  # folder that cannot be restored, if the caller goes away.
  subscribe @22 (after :Text, exchange :Text, routingKey :Text, sink :EventSink) -> ()
      $A.method((access = (needs = (scope = "troupe:events")),
                 title = "Subscribe", category = "Troupe",
                 description = "The event log as it grows."));
  # The same as `events`, pushed, until the caller drops the call. Ends with `ResourceExpired` when
  # the subscriber has fallen behind what is kept.
}
