@0xb9d4e3a2f1c05872;
# The queue's methods: tasks, their runs, groups, artifacts, task queues and workers. Names are
# those of Taskcluster's queue service.

using Cxx = import "/capnp/c++.capnp";
using A = import "annotations.capnp";
using M = import "monitoring.capnp";
using N = import "queue_names.capnp";
using Q = import "queue_types.capnp";
using R = import "queue_artifacts.capnp";
$Cxx.namespace("troupe::schema");

interface Queue extends(M.Monitoring)
    $A.service((name = "queue", title = "Queue Service",
                description = "Tasks, their runs and artifacts, and the queues they wait in.")) {
  # Errors are exceptions whose text starts with the API's code: `ResourceNotFound: ...`.
  # Lists are paged: `limit` is at most 1000; a page without `continuationToken` is the last.
  task @0 (taskId :Text $A.pattern(N.taskIdPattern)) -> (task :Q.TaskDefinition $A.body)
      $A.method((verb = get, route = "/task/<taskId>",
                 access = (needs = (scope = "queue:get-task:<taskId>")),
                 category = "Tasks", output = "task",
                 title = "Get Task Definition",
                 description = "What createTask was given, with its present priority."));
  # The definition, with defaults filled in and the present priority.
  status @1 (taskId :Text $A.pattern(N.taskIdPattern)) -> Q.TaskStatusResponse
      $A.method((verb = get, route = "/task/<taskId>/status",
                 access = (needs = (scope = "queue:status:<taskId>")),
                 category = "Tasks",
                 title = "Get task status",
                 description = "The state of a task and of its runs."));
  # Its state and runs. A task that is still being created is not found.
  statuses @2 (tasks :Q.TaskIds, continuationToken :Text $A.pattern("."), limit :UInt32 = 1000)
      -> Q.TaskStatusPage
      $A.method((verb = post, route = "/tasks/status",
                 access = (needs = (allOf = [
                     (forEach = (for = "taskId", in = "taskIds",
                                 each = "queue:status:<taskId>"))])),
                 category = "Tasks", stability = experimental,
                 title = "Get multiple task statuses",
                 description = "The states of several tasks."));
  # Of those that exist, each once.
  createTask @3 (taskId :Text $A.pattern(N.taskIdPattern), task :Q.TaskDefinition)
      -> Q.TaskStatusResponse
      $A.method((verb = put, route = "/task/<taskId>",
                 access = (needs = (allOf = [
                     (forEach = (for = "scope", in = "scopes", each = "<scope>")),
                     (forEach = (for = "route", in = "routes", each = "queue:route:<route>")),
                     (scope = "queue:create-task:project:<projectId>"),
                     (scope = "queue:scheduler-id:<schedulerId>"),
                     (anyOf = [(forEach = (for = "priority", in = "priorities",
                         each = "queue:create-task:<priority>:<provisionerId>/<workerType>"))])])),
                 category = "Tasks", input = "create-task-request",
                 title = "Create New Task",
                 description = "Makes a task; the same again is answered alike."));
  # Makes a task; the answer comes once it is in its group, and queued if nothing holds it. An
  # identical repeat is answered like the first; another definition is a `RequestConflict`.
  scheduleTask @4 (taskId :Text $A.pattern(N.taskIdPattern)) -> Q.TaskStatusResponse
      $A.method((verb = post, route = "/task/<taskId>/schedule",
                 access = (needs = (anyOf = [
                     (scope = "queue:schedule-task:<schedulerId>/<taskGroupId>/<taskId>"),
                     (scope = "queue:schedule-task-in-project:<projectId>"),
                     (allOf = [
                         (scope = "queue:schedule-task"),
                         (scope = "assume:scheduler-id:<schedulerId>/<taskGroupId>")])])),
                 category = "Tasks",
                 title = "Schedule Defined Task",
                 description = "Runs a task although what it depends on has not ended."));
  # Makes an unscheduled task pending, whatever it depends on; any other is left as it is.
  rerunTask @5 (taskId :Text $A.pattern(N.taskIdPattern), requestId :Text $A.rpcOnly)
      -> Q.TaskStatusResponse
      $A.method((verb = post, route = "/task/<taskId>/rerun",
                 access = (needs = (anyOf = [
                     (scope = "queue:rerun-task:<schedulerId>/<taskGroupId>/<taskId>"),
                     (scope = "queue:rerun-task-in-project:<projectId>"),
                     (allOf = [
                         (scope = "queue:rerun-task"),
                         (scope = "assume:scheduler-id:<schedulerId>/<taskGroupId>")])])),
                 category = "Tasks",
                 title = "Rerun a Resolved Task",
                 description = "Another run for a task that has ended."));
  # A new run for a task that has ended, or waits unscheduled; one that is pending or running is
  # left as it is. Refused after the deadline, and after 50 runs.
  # `requestId`: an id of 22 characters that the caller makes; repeated with the same one it is
  # answered as before and makes no other run. Empty: a repeat is a new request.
  cancelTask @6 (taskId :Text $A.pattern(N.taskIdPattern)) -> Q.TaskStatusResponse
      $A.method((verb = post, route = "/task/<taskId>/cancel",
                 access = (needs = (anyOf = [
                     (scope = "queue:cancel-task:<schedulerId>/<taskGroupId>/<taskId>"),
                     (scope = "queue:cancel-task-in-project:<projectId>"),
                     (allOf = [
                         (scope = "queue:cancel-task"),
                         (scope = "assume:scheduler-id:<schedulerId>/<taskGroupId>")])])),
                 category = "Tasks",
                 title = "Cancel Task",
                 description = "Ends a task, whatever it is doing."));
  # Ends its open run as `canceled`; without one, makes a run that has ended so. A task that has
  # ended is left as it is.
  listTaskGroup @7 (taskGroupId :Text $A.pattern(N.taskIdPattern),
                    continuationToken :Text $A.pattern("."),
                    limit :UInt32 = 1000)
      -> Q.TaskGroupPage
      $A.method((verb = get, route = "/task-group/<taskGroupId>/list",
                 access = (needs = (scope = "queue:list-task-group:<taskGroupId>")),
                 category = "Task Groups",
                 title = "List Task Group",
                 description = "The tasks of a group."));
  # Its tasks, in the order of their ids.
  getTaskGroup @8 (taskGroupId :Text $A.pattern(N.taskIdPattern)) -> Q.TaskGroup
      $A.method((verb = get, route = "/task-group/<taskGroupId>",
                 access = (needs = (scope = "queue:list-task-group:<taskGroupId>")),
                 category = "Task Groups",
                 title = "Get Task Group",
                 description = "A group, without its tasks."));
  # The group alone, without its tasks.
  sealTaskGroup @9 (taskGroupId :Text $A.pattern(N.taskIdPattern)) -> Q.TaskGroup
      $A.method((verb = post, route = "/task-group/<taskGroupId>/seal",
                 access = (needs = (scope = "queue:seal-task-group:<schedulerId>/<taskGroupId>")),
                 category = "Task Groups", stability = experimental,
                 title = "Seal Task Group",
                 description = "Lets no more tasks in, for ever."));
  # No task may join from now on; those in it go on. Irreversible, and repeating it is safe.
  listDependentTasks @10 (taskId :Text $A.pattern(N.taskIdPattern),
                          continuationToken :Text $A.pattern("."),
                          limit :UInt32 = 1000)
      -> Q.DependentTasks
      $A.method((verb = get, route = "/task/<taskId>/dependents",
                 access = (needs = (scope = "queue:list-dependent-tasks:<taskId>")),
                 category = "Tasks",
                 title = "List Dependent Tasks",
                 description = "The tasks that wait for one."));
  # The tasks that name this one in `dependencies`, in the order of their ids.
  listArtifacts @11 (taskId :Text $A.pattern(N.taskIdPattern), runId :UInt32,
                     continuationToken :Text $A.pattern("."), limit :UInt32 = 1000)
      -> Q.ArtifactPage
      $A.method((verb = get, route = "/task/<taskId>/runs/<runId>/artifacts",
                 access = (needs = (scope = "queue:list-artifacts:<taskId>:<runId>")),
                 category = "Artifacts",
                 title = "Get Artifacts from Run",
                 description = "What a run left behind."));
  # Of the run named, in the order of names.
  listLatestArtifacts @12 (taskId :Text $A.pattern(N.taskIdPattern),
                           continuationToken :Text $A.pattern("."),
                           limit :UInt32 = 1000)
      -> Q.ArtifactPage
      $A.method((verb = get, route = "/task/<taskId>/artifacts",
                 access = (needs = (scope = "queue:list-artifacts:<taskId>")),
                 category = "Artifacts",
                 title = "Get Artifacts from Latest Run",
                 description = "What a task's last run left behind."));
  # The same of the task's last run, whatever its state.
  artifactInfo @13 (taskId :Text $A.pattern(N.taskIdPattern), runId :UInt32,
                    name :Text $A.pattern(N.artifactNamePattern))
      -> Q.Artifact
      $A.method((verb = get, route = "/task/<taskId>/runs/<runId>/artifact-info/<name...>",
                 access = (needs = (scope = "queue:list-artifacts:<taskId>:<runId>")),
                 category = "Artifacts",
                 title = "Get Artifact Information From Run",
                 description = "What is known of an artifact, without its bytes."));
  # What is known of one artifact; its bytes come from `Troupe.readArtifact`.
  latestArtifactInfo @14 (taskId :Text $A.pattern(N.taskIdPattern),
                          name :Text $A.pattern(N.artifactNamePattern))
      -> Q.Artifact
      $A.method((verb = get, route = "/task/<taskId>/artifact-info/<name...>",
                 access = (needs = (scope = "queue:list-artifacts:<taskId>")),
                 category = "Artifacts",
                 title = "Get Artifact Information From Latest Run",
                 description = "What is known of an artifact of the last run."));
  # The same of the task's last run.
  listTaskQueues @15 (continuationToken :Text $A.pattern("."), limit :UInt32 = 1000)
      -> Q.TaskQueuePage
      $A.method((verb = get, route = "/task-queues",
                 access = (needs = (scope = "queue:list-task-queues")),
                 category = "Worker Metadata",
                 title = "Get a list of all active task queues",
                 description = "The task queues that workers ask."));
  # In the order of their ids; queues that no worker ever asked are left out.
  taskQueueCounts @16 (taskQueueId :Text $A.pattern(N.taskQueueIdPattern)) -> Q.TaskQueueCounts
      $A.method((verb = get, route = "/task-queues/<taskQueueId..>/counts",
                 access = (needs = (allOf = [
                     (scope = "queue:pending-count:<taskQueueId>"),
                     (scope = "queue:claimed-count:<taskQueueId>")])),
                 category = "Worker Metadata",
                 title = "Get Number of Pending and Claimed Tasks",
                 description = "How much a task queue has to do."));
  # How many runs wait in it, and how many its workers hold. Both 0 for an unknown queue.
  listPendingTasks @17 (taskQueueId :Text $A.pattern(N.taskQueueIdPattern),
                        continuationToken :Text $A.pattern("."), limit :UInt32 = 1000)
      -> Q.PendingTasks
      $A.method((verb = get, route = "/task-queues/<taskQueueId..>/pending",
                 access = (needs = (scope = "queue:pending-list:<taskQueueId>")),
                 category = "Worker Metadata", stability = experimental,
                 title = "List Pending Tasks",
                 description = "What waits in a task queue, in the order of waiting."));
  # Those that wait longest first, whatever their priority. Empty for an unknown queue.
  listWorkers @18 (provisionerId :Text $A.pattern(N.pathNamePattern),
                   workerType :Text $A.pattern(N.pathNamePattern),
                   continuationToken :Text $A.pattern("."), limit :UInt32 = 1000,
                   quarantined :Text $A.pattern("^(true|false)$"))
      -> Q.WorkerPage
      $A.method((verb = get, route = N.workersRoute,
                 access = (needs = (scope = "queue:list-workers:<provisionerId>/<workerType>")),
                 category = "Worker Metadata", stability = deprecated,
                 title = "Get a list of all active workers of a workerType",
                 description = "The workers that a task queue has met."));
  # Those that are kept or in quarantine, in the order of group and id. `quarantined`: `true`,
  # `false`, or empty for both.
  tasks @19 (tasks :Q.TaskIds, continuationToken :Text $A.pattern("."), limit :UInt32 = 1000)
      -> Q.TaskPage
      $A.method((verb = post, route = "/tasks",
                 access = (needs = (allOf = [
                     (forEach = (for = "taskId", in = "taskIds",
                                 each = "queue:get-task:<taskId>"))])),
                 category = "Tasks", stability = experimental,
                 title = "Get multiple task definitions",
                 description = "The definitions of several tasks."));
  # Of those that exist, each once.
  cancelTaskGroup @20 (taskGroupId :Text $A.pattern(N.taskIdPattern)) -> Q.CancelledTaskGroup
      $A.method((verb = post, route = "/task-group/<taskGroupId>/cancel",
                 access = (needs = (scope = "queue:cancel-task-group:<schedulerId>/<taskGroupId>")),
                 category = "Tasks", stability = experimental,
                 title = "Cancel Task Group",
                 description = "Ends all tasks of a sealed group that have not ended."));
  # Refused unless the group is sealed. Goes on after a restart; a repeat attaches to it.
  changeTaskGroupPriority @21 (taskGroupId :Text $A.pattern(N.taskIdPattern),
                               change :Q.PriorityRequest)
      -> Q.TaskGroupPriority
      $A.method((verb = post, route = "/task-group/<taskGroupId>/priority",
                 access = (needs = (
                     scope = "queue:change-task-group-priority:<schedulerId>/<taskGroupId>")),
                 category = "Task Groups", stability = experimental,
                 title = "Change Task Group Priority",
                 description = "Gives another priority to all tasks of a group that never ended."));
  # Tasks that ended once, or whose deadline has passed, stay as they are.
  changeTaskPriority @22 (taskId :Text $A.pattern(N.taskIdPattern), change :Q.PriorityRequest)
      -> Q.TaskStatusResponse
      $A.method((verb = post, route = "/task/<taskId>/priority",
                 access = (needs = (anyOf = [
                     (scope = "queue:change-task-priority:<taskId>"),
                     (scope = "queue:change-task-priority-in-queue:<taskQueueId>")])),
                 category = "Tasks", stability = experimental,
                 title = "Change Task Priority",
                 description = "Moves a task that waits; it keeps its age."));
  # Refused if it has that priority, ended once, or its deadline has passed.
  claimWork @23 (taskQueueId :Text $A.pattern(N.taskQueueIdPattern), request :Q.ClaimWorkRequest,
                 requestId :Text $A.rpcOnly)
      -> Q.WorkClaims
      $A.method((verb = post, route = "/claim-work/<taskQueueId...>",
                 access = (needs = (allOf = [
                     (scope = "queue:claim-work:<taskQueueId>"),
                     (scope = "queue:worker-id:<workerGroup>/<workerId>")])),
                 category = "Worker Interface",
                 title = "Claim Work",
                 description = "Waits for work, 20 s at most."));
  # Answered as soon as a run is claimed; with nothing after `queue.claim_work_timeout`, and always
  # then for a worker in quarantine. A claim whose answer cannot be delivered expires at once.
  # `requestId`: as of rerunTask.
  claimTask @24 (taskId :Text $A.pattern(N.taskIdPattern), runId :UInt32,
                 request :Q.ClaimTaskRequest)
      -> Q.TaskClaim
      $A.method((verb = post, route = "/task/<taskId>/runs/<runId>/claim",
                 access = (needs = (allOf = [
                     (scope = "queue:claim-task:<provisionerId>/<workerType>"),
                     (scope = "queue:worker-id:<workerGroup>/<workerId>")])),
                 category = "Worker Interface", stability = deprecated,
                 title = "Claim Task",
                 description = "Claims one run by its name."));
  # A repeat by the same worker is answered alike.
  reclaimTask @25 (taskId :Text $A.pattern(N.taskIdPattern), runId :UInt32) -> Q.TaskReclaim
      $A.method((verb = post, route = "/task/<taskId>/runs/<runId>/reclaim",
                 access = (needs = (scope = "queue:reclaim-task:<taskId>/<runId>")),
                 category = "Worker Interface",
                 title = "Reclaim task",
                 description = "Renews a claim."));
  # `RequestConflict`: the run has ended, forget it.
  reportCompleted @26 (taskId :Text $A.pattern(N.taskIdPattern), runId :UInt32)
      -> Q.TaskStatusResponse
      $A.method((verb = post, route = "/task/<taskId>/runs/<runId>/completed",
                 access = (needs = (scope = "queue:resolve-task:<taskId>/<runId>")),
                 category = "Worker Interface",
                 title = "Report Run Completed",
                 description = "A run has ended well."));
  # A repeat is answered alike.
  reportFailed @27 (taskId :Text $A.pattern(N.taskIdPattern), runId :UInt32)
      -> Q.TaskStatusResponse
      $A.method((verb = post, route = "/task/<taskId>/runs/<runId>/failed",
                 access = (needs = (scope = "queue:resolve-task:<taskId>/<runId>")),
                 category = "Worker Interface",
                 title = "Report Run Failed",
                 description = "A run has ended badly."));
  # A repeat is answered alike.
  reportException @28 (taskId :Text $A.pattern(N.taskIdPattern), runId :UInt32,
                       report :Q.ExceptionReport)
      -> Q.TaskStatusResponse
      $A.method((verb = post, route = "/task/<taskId>/runs/<runId>/exception",
                 access = (needs = (scope = "queue:resolve-task:<taskId>/<runId>")),
                 category = "Worker Interface",
                 title = "Report Task Exception",
                 description = "A run could not be brought to an end."));
  # A repeat is answered alike. Some reasons lead to another run.
  createArtifact @29 (taskId :Text $A.pattern(N.taskIdPattern), runId :UInt32,
                      name :Text $A.pattern(N.artifactNamePattern), artifact :R.ArtifactRequest)
      -> (answer :R.ArtifactAnswer $A.body)
      $A.method((verb = post, route = "/task/<taskId>/runs/<runId>/artifacts/<name...>",
                 access = (needs = (scope = "queue:create-artifact:<taskId>/<runId>")),
                 category = "Artifacts", output = "post-artifact-response",
                 title = "Create Artifact",
                 description = "Makes an artifact of a run known."));
  # A repeat is answered alike, with fresh URLs.
  finishArtifact @30 (taskId :Text $A.pattern(N.taskIdPattern), runId :UInt32,
                      name :Text $A.pattern(N.artifactNamePattern), upload :R.FinishArtifactRequest)
      -> ()
      $A.method((verb = put, route = "/task/<taskId>/runs/<runId>/artifacts/<name...>",
                 access = (needs = (scope = "queue:create-artifact:<taskId>/<runId>")),
                 category = "Artifacts",
                 title = "Finish Artifact",
                 description = "The bytes of an artifact are all there."));
  # Of storage type `object` alone.
  getArtifact @31 (taskId :Text $A.pattern(N.taskIdPattern), runId :UInt32,
                   name :Text $A.pattern(N.artifactNamePattern))
      -> R.ArtifactLocation
      $A.method((verb = get, route = "/task/<taskId>/runs/<runId>/artifacts/<name...>",
                 access = (needs = (allOf = [
                     (forEach = (for = "name", in = "names",
                                 each = "queue:get-artifact:<name>"))])),
                 category = "Artifacts",
                 title = "Get Artifact Data from Run",
                 description = "Where the bytes of an artifact are."));
  # Links are followed; each name on the way is authorised.
  getLatestArtifact @32 (taskId :Text $A.pattern(N.taskIdPattern),
                         name :Text $A.pattern(N.artifactNamePattern))
      -> R.ArtifactLocation
      $A.method((verb = get, route = "/task/<taskId>/artifacts/<name...>",
                 access = (needs = (allOf = [
                     (forEach = (for = "name", in = "names",
                                 each = "queue:get-artifact:<name>"))])),
                 category = "Artifacts",
                 title = "Get Artifact Data from Latest Run",
                 description = "Where the bytes of an artifact of the last run are."));
  # The same of the task's last run.
  artifact @33 (taskId :Text $A.pattern(N.taskIdPattern), runId :UInt32,
                name :Text $A.pattern(N.artifactNamePattern))
      -> (content :R.ArtifactContent $A.body)
      $A.method((verb = get, route = "/task/<taskId>/runs/<runId>/artifact-content/<name...>",
                 access = (needs = (allOf = [
                     (forEach = (for = "name", in = "names",
                                 each = "queue:get-artifact:<name>"))])),
                 category = "Artifacts", output = "artifact-content-response",
                 title = "Get Artifact Content From Run",
                 description = "How the bytes of an artifact are had."));
  # Links are followed; each name on the way is authorised.
  latestArtifact @34 (taskId :Text $A.pattern(N.taskIdPattern),
                      name :Text $A.pattern(N.artifactNamePattern))
      -> (content :R.ArtifactContent $A.body)
      $A.method((verb = get, route = "/task/<taskId>/artifact-content/<name...>",
                 access = (needs = (allOf = [
                     (forEach = (for = "name", in = "names",
                                 each = "queue:get-artifact:<name>"))])),
                 category = "Artifacts", output = "artifact-content-response",
                 title = "Get Artifact Content From Latest Run",
                 description = "How the bytes of an artifact of the last run are had."));
  # The same of the task's last run.
  listProvisioners @35 (continuationToken :Text $A.pattern("."), limit :UInt32 = 1000)
      -> Q.ProvisionerPage
      $A.method((verb = get, route = "/provisioners",
                 access = (needs = (scope = "queue:list-provisioners")),
                 category = "Worker Metadata", stability = deprecated,
                 title = "Get a list of all active provisioners",
                 description = "What the names of task queues begin with."));
  # In the order of their names.
  getProvisioner @36 (provisionerId :Text $A.pattern(N.pathNamePattern)) -> Q.Provisioner
      $A.method((verb = get, route = "/provisioners/<provisionerId>",
                 access = (needs = (scope = "queue:get-provisioner:<provisionerId>")),
                 category = "Worker Metadata", stability = deprecated,
                 title = "Get an active provisioner",
                 description = "One of them."));
  # Not found without a task queue.
  listWorkerTypes @37 (provisionerId :Text $A.pattern(N.pathNamePattern),
                       continuationToken :Text $A.pattern("."), limit :UInt32 = 1000)
      -> Q.WorkerTypePage
      $A.method((verb = get, route = "/provisioners/<provisionerId>/worker-types",
                 access = (needs = (scope = "queue:list-worker-types:<provisionerId>")),
                 category = "Worker Metadata", stability = deprecated,
                 title = "Get a list of all active worker-types",
                 description = "The task queues whose names begin alike."));
  # In the order of their names.
  getWorkerType @38 (provisionerId :Text $A.pattern(N.pathNamePattern),
                     workerType :Text $A.pattern(N.pathNamePattern))
      -> Q.WorkerType
      $A.method((verb = get, route = "/provisioners/<provisionerId>/worker-types/<workerType>",
                 access = (needs = (scope = "queue:get-worker-type:<provisionerId>/<workerType>")),
                 category = "Worker Metadata", stability = deprecated,
                 title = "Get a worker-type",
                 description = "A task queue under the two halves of its name."));
  # Not found unless a worker has asked it within a day.
  getTaskQueue @39 (taskQueueId :Text $A.pattern(N.taskQueueIdPattern)) -> Q.TaskQueue
      $A.method((verb = get, route = "/task-queues/<taskQueueId>",
                 access = (needs = (scope = "queue:get-task-queue:<taskQueueId>")),
                 category = "Worker Metadata",
                 title = "Get a task queue",
                 description = "A queue that workers ask."));
  # Not found unless a worker has asked it within a day.
  pendingTasks @40 (taskQueueId :Text $A.pattern(N.taskQueueIdPattern)) -> Q.PendingCount
      $A.method((verb = get, route = "/pending/<taskQueueId...>",
                 access = (needs = (scope = "queue:pending-count:<taskQueueId>")),
                 category = "Worker Metadata", stability = deprecated,
                 title = "Get Number of Pending Tasks",
                 description = "How many runs wait in a task queue."));
  # 0 for an unknown queue.
  listClaimedTasks @41 (taskQueueId :Text $A.pattern(N.taskQueueIdPattern),
                        continuationToken :Text $A.pattern("."), limit :UInt32 = 1000)
      -> Q.ClaimedTasks
      $A.method((verb = get, route = "/task-queues/<taskQueueId..>/claimed",
                 access = (needs = (scope = "queue:claimed-list:<taskQueueId>")),
                 category = "Worker Metadata", stability = experimental,
                 title = "List claimed Tasks",
                 description = "What the workers of a task queue hold."));
  # Those claimed or reclaimed longest ago first. Empty for an unknown queue.
  getWorker @42 (provisionerId :Text $A.pattern(N.pathNamePattern),
                 workerType :Text $A.pattern(N.pathNamePattern),
                 workerGroup :Text $A.pattern(N.pathNamePattern),
                 workerId :Text $A.pattern(N.pathNamePattern))
      -> Q.WorkerDetails
      $A.method((verb = get, route = N.workerRoute,
                 access = (needs = (scope =
                     "queue:get-worker:<provisionerId>/<workerType>/<workerGroup>/<workerId>")),
                 category = "Worker Metadata", stability = deprecated,
                 title = "Get a worker from worker-type",
                 description = "A worker, with what it did last."));
  # Not found once it has expired and is in no quarantine.
  quarantineWorker @43 (provisionerId :Text $A.pattern(N.pathNamePattern),
                        workerType :Text $A.pattern(N.pathNamePattern),
                        workerGroup :Text $A.pattern(N.pathNamePattern),
                        workerId :Text $A.pattern(N.pathNamePattern), request :Q.QuarantineRequest)
      -> Q.WorkerDetails
      $A.method((verb = put, route = N.workerRoute,
                 access = (needs = (allOf = [(scope = N.quarantineScope)])),
                 category = "Worker Metadata", stability = experimental,
                 title = "Quarantine a worker",
                 description = "Gives a worker no tasks for some time."));
  # Its running tasks go on.
  declareWorker @44 (provisionerId :Text $A.pattern(N.pathNamePattern),
                     workerType :Text $A.pattern(N.pathNamePattern),
                     workerGroup :Text $A.pattern(N.pathNamePattern),
                     workerId :Text $A.pattern(N.pathNamePattern), request :Q.WorkerUpdate)
      -> Q.WorkerDetails
      $A.method((verb = put, route = N.declareRoute,
                 access = (needs = (allOf = [(forEach = (for = "property", in = "properties",
                                                   each = N.declareScope))])),
                 category = "Worker Metadata", stability = experimental,
                 title = "Declare a worker",
                 description = "Makes a worker known before it asks for work."));
  # Its record and its queue's are kept until `expires` at least.
}
