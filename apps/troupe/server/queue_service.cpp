#include "apps/troupe/server/queue_service.h"

#include "actors/task/queries.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_group/queries.h"
#include "actors/task_queue/queries.h"
#include "actors/worker/queries.h"
#include "apps/troupe/server/call.h"
#include "apps/troupe/server/creation.h"

namespace troupe::server {
namespace {

using kj::Promise;
using kj::READY_NOW;

task::TaskView require_task(const Snapshot& snapshot, const std::string& id) {
  auto task = task::find_task(snapshot, id);
  if (!task) throw_error({Errc::not_found, "no task " + id});
  return std::move(*task);
}

std::uint32_t latest_run(task::TaskView& task) {
  const auto runs = task.row().getRuns();
  if (runs.size() == 0) {
    throw_error({Errc::not_found, "task " + str(task.row().getTaskId()) + " has no runs"});
  }
  return runs.size() - 1;
}

void require_run(task::TaskView& task, std::uint32_t run) {
  if (run < task.row().getRuns().size()) return;
  throw_error({Errc::not_found,
               "task " + str(task.row().getTaskId()) + " has no run " + std::to_string(run)});
}

// Tasks of a list that are visible, with their definitions.
template <class List>
void fill_tasks(const Snapshot& snapshot, const std::vector<std::string>& ids, List&& init) {
  std::vector<task::TaskView> tasks;
  for (const auto& id : ids) {
    if (auto task = task::find_task(snapshot, id)) tasks.push_back(std::move(*task));
  }
  auto out = init(static_cast<unsigned>(tasks.size()));
  for (unsigned i = 0; i < tasks.size(); ++i) {
    tasks[i].fill_status(out[i].initStatus());
    tasks[i].fill_definition(out[i].initTask());
  }
}

class QueueService final : public schema::Queue::Server {
 public:
  explicit QueueService(Site& site) : site_(site) {}

  Promise<void> ping(PingContext context) override {
    context.getResults().setAlive(true);
    context.getResults().setUptime(static_cast<double>((site_.now() - site_.started).count()) /
                                   1000);
    return READY_NOW;
  }

  Promise<void> task(TaskContext context) override {
    const auto snapshot = site_.host.snapshot();
    auto task = require_task(*snapshot, checked_id(context.getParams().getTaskId(), "taskId"));
    task.fill_definition(context.getResults().initTask());
    return READY_NOW;
  }

  Promise<void> status(StatusContext context) override {
    const auto snapshot = site_.host.snapshot();
    auto task = require_task(*snapshot, checked_id(context.getParams().getTaskId(), "taskId"));
    task.fill_status(context.getResults().initStatus());
    return READY_NOW;
  }

  Promise<void> statuses(StatusesContext context) override {
    const auto snapshot = site_.host.snapshot();
    std::vector<task::TaskView> tasks;
    for (const auto id : context.getParams().getTaskIds()) {
      if (auto task = task::find_task(*snapshot, str(id))) tasks.push_back(std::move(*task));
    }
    auto out = context.getResults().initStatuses(static_cast<unsigned>(tasks.size()));
    for (unsigned i = 0; i < tasks.size(); ++i) tasks[i].fill_status(out[i]);
    return READY_NOW;
  }

  Promise<void> createTask(CreateTaskContext context) override {
    const auto params = context.getParams();
    auto task = take(check_task(site_, params.getTaskId(), params.getTask(), false));
    return answer_status(context, create_task(site_, std::move(task)));
  }

  Promise<void> scheduleTask(ScheduleTaskContext context) override {
    return command(context, [](schema::TaskMessage::Builder m) { m.setSchedule(); });
  }
  Promise<void> rerunTask(RerunTaskContext context) override {
    const auto request_id = context.getParams().getRequestId();
    if (request_id.size() > 0) checked_id(request_id, "requestId");
    return command(context, [request_id](schema::TaskMessage::Builder m) {
      m.setRerun();
      m.setRequestId(request_id);
    });
  }
  Promise<void> cancelTask(CancelTaskContext context) override {
    return command(context, [](schema::TaskMessage::Builder m) { m.setCancel(); });
  }

  Promise<void> listTaskGroup(ListTaskGroupContext context) override {
    const auto params = context.getParams();
    const auto snapshot = site_.host.snapshot();
    const auto group = require_group(*snapshot, params.getTaskGroupId());
    std::string next;
    const auto ids = task_group::list_members(
        *snapshot, group, read_page(params.getLimit(), view(params.getContinuationToken())), next);
    auto results = context.getResults();
    task_group::fill_group(group.state, results.initGroup());
    fill_tasks(*snapshot, ids, [&](unsigned n) { return results.initTasks(n); });
    if (!next.empty()) results.setContinuationToken(text(next));
    return READY_NOW;
  }

  Promise<void> getTaskGroup(GetTaskGroupContext context) override {
    const auto snapshot = site_.host.snapshot();
    const auto group = require_group(*snapshot, context.getParams().getTaskGroupId());
    task_group::fill_group(group.state, context.getResults().initGroup());
    return READY_NOW;
  }

  Promise<void> sealTaskGroup(SealTaskGroupContext context) override {
    auto id = checked_id(context.getParams().getTaskGroupId(), "taskGroupId");
    auto seal =
        build<schema::TaskGroupMessage>([](schema::TaskGroupMessage::Builder m) { m.setSeal(); });
    return ask(site_, task_group_id(std::move(id)), std::move(seal))
        .then([context](Bytes answer) mutable {
          context.getResults().setGroup(Stored<schema::TaskGroup>(answer).get());
        });
  }

  Promise<void> listDependentTasks(ListDependentTasksContext context) override {
    const auto params = context.getParams();
    const auto snapshot = site_.host.snapshot();
    auto task = require_task(*snapshot, checked_id(params.getTaskId(), "taskId"));
    std::string next;
    const auto ids = task::list_dependents(
        *snapshot, task, read_page(params.getLimit(), view(params.getContinuationToken())), next);
    auto results = context.getResults();
    results.setTaskId(params.getTaskId());
    fill_tasks(*snapshot, ids, [&](unsigned n) { return results.initTasks(n); });
    if (!next.empty()) results.setContinuationToken(text(next));
    return READY_NOW;
  }

  Promise<void> listArtifacts(ListArtifactsContext context) override {
    const auto params = context.getParams();
    const auto snapshot = site_.host.snapshot();
    auto task = require_task(*snapshot, checked_id(params.getTaskId(), "taskId"));
    require_run(task, params.getRunId());
    return fill_artifacts(context, *snapshot, task, params.getRunId());
  }

  Promise<void> listLatestArtifacts(ListLatestArtifactsContext context) override {
    const auto snapshot = site_.host.snapshot();
    auto task = require_task(*snapshot, checked_id(context.getParams().getTaskId(), "taskId"));
    return fill_artifacts(context, *snapshot, task, latest_run(task));
  }

  Promise<void> artifactInfo(ArtifactInfoContext context) override {
    const auto params = context.getParams();
    const auto snapshot = site_.host.snapshot();
    auto task = require_task(*snapshot, checked_id(params.getTaskId(), "taskId"));
    require_run(task, params.getRunId());
    return fill_info(context, *snapshot, task, params.getRunId());
  }

  Promise<void> latestArtifactInfo(LatestArtifactInfoContext context) override {
    const auto snapshot = site_.host.snapshot();
    auto task = require_task(*snapshot, checked_id(context.getParams().getTaskId(), "taskId"));
    return fill_info(context, *snapshot, task, latest_run(task));
  }

  Promise<void> listTaskQueues(ListTaskQueuesContext context) override;
  Promise<void> taskQueueCounts(TaskQueueCountsContext context) override;
  Promise<void> listPendingTasks(ListPendingTasksContext context) override;
  Promise<void> listWorkers(ListWorkersContext context) override;

 private:
  template <class Context>
  Promise<void> answer_status(Context context, Promise<Bytes> answer) {
    return answer.then([context](Bytes status) mutable {
      context.getResults().setStatus(Stored<schema::TaskStatus>(status).get());
    });
  }

  template <class Context, class Fill>
  Promise<void> command(Context context, Fill&& fill) {
    auto id = checked_id(context.getParams().getTaskId(), "taskId");
    return answer_status(context, ask_task(site_, std::move(id), std::forward<Fill>(fill)));
  }

  task_group::GroupView require_group(const Snapshot& snapshot, capnp::Text::Reader id) {
    auto group = task_group::find_group(snapshot, checked_id(id, "taskGroupId"));
    if (!group) throw_error({Errc::not_found, "no task group " + str(id)});
    return std::move(*group);
  }

  template <class Context>
  Promise<void> fill_artifacts(Context context,
                               const Snapshot& snapshot,
                               task::TaskView& task,
                               std::uint32_t run) {
    const auto params = context.getParams();
    std::string next;
    const auto found = task::list_artifacts(
        snapshot, task, run, read_page(params.getLimit(), view(params.getContinuationToken())),
        next);
    auto results = context.getResults();
    auto out = results.initArtifacts(static_cast<unsigned>(found.size()));
    for (unsigned i = 0; i < out.size(); ++i) task::fill_artifact(found[i], out[i]);
    if (!next.empty()) results.setContinuationToken(text(next));
    return READY_NOW;
  }

  template <class Context>
  Promise<void> fill_info(Context context,
                          const Snapshot& snapshot,
                          task::TaskView& task,
                          std::uint32_t run) {
    const std::string name = str(context.getParams().getName());
    const auto info = task::find_artifact(snapshot, task, run, name);
    if (!info) {
      throw_error({Errc::not_found, "task " + str(task.row().getTaskId()) + " run " +
                                        std::to_string(run) + " has no artifact " + name});
    }
    task::fill_artifact(*info, context.getResults().initArtifact());
    return READY_NOW;
  }

  Site& site_;
};

Promise<void> QueueService::listTaskQueues(ListTaskQueuesContext context) {
  const auto params = context.getParams();
  const auto snapshot = site_.host.snapshot();
  std::string next;
  auto queues = task_queue::list_queues(
      *snapshot, read_page(params.getLimit(), view(params.getContinuationToken())), next);
  // A queue that no worker ever asked has no record.
  std::erase_if(queues, [](const task_queue::QueueView& q) { return !q.last_active; });
  auto results = context.getResults();
  auto out = results.initTaskQueues(static_cast<unsigned>(queues.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    const auto& queue = queues[i];
    const auto slash = queue.task_queue_id.find('/');
    out[i].setProvisionerId(text(queue.task_queue_id.substr(0, slash)));
    out[i].setWorkerType(text(queue.task_queue_id.substr(slash + 1)));
    out[i].setTaskQueueId(text(queue.task_queue_id));
    out[i].setStability("experimental");
    out[i].setExpires(queue.expires.ms);
    out[i].setLastDateActive(queue.last_active.ms);
  }
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

Promise<void> QueueService::taskQueueCounts(TaskQueueCountsContext context) {
  const std::string id = checked_queue(context.getParams().getTaskQueueId());
  const auto snapshot = site_.host.snapshot();
  const auto queue = task_queue::find_queue(*snapshot, id);
  auto results = context.getResults();
  results.setTaskQueueId(text(id));
  results.setPendingTasks(queue ? queue->pending : 0);
  results.setClaimedTasks(worker::staffing(*snapshot, id).claims);
  return READY_NOW;
}

Promise<void> QueueService::listPendingTasks(ListPendingTasksContext context) {
  const auto params = context.getParams();
  const std::string id = checked_queue(params.getTaskQueueId());
  const auto snapshot = site_.host.snapshot();
  const auto queue = task_queue::find_queue(*snapshot, id);
  auto results = context.getResults();
  if (!queue) return READY_NOW;
  std::string next;
  const auto entries = task_queue::list_pending(
      *snapshot, *queue, read_page(params.getLimit(), view(params.getContinuationToken())), next);
  auto out = results.initTasks(static_cast<unsigned>(entries.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    out[i].setTaskId(text(entries[i].task_id));
    out[i].setRunId(entries[i].run_id);
    out[i].setInserted(entries[i].inserted.ms);
    if (auto task = task::find_task(*snapshot, entries[i].task_id)) {
      task->fill_definition(out[i].initTask());
    }
  }
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

Promise<void> QueueService::listWorkers(ListWorkersContext context) {
  const auto params = context.getParams();
  const std::string id = checked_queue(params.getTaskQueueId());
  const auto snapshot = site_.host.snapshot();
  std::string next;
  const auto workers = worker::list_workers(
      *snapshot, id, read_page(params.getLimit(), view(params.getContinuationToken())), next);
  auto results = context.getResults();
  auto out = results.initWorkers(static_cast<unsigned>(workers.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    const auto& worker = workers[i];
    out[i].setWorkerGroup(text(worker.worker_group));
    out[i].setWorkerId(text(worker.worker_id));
    // A worker that never claimed is known since it connected.
    out[i].setFirstClaim(worker.first_claim ? worker.first_claim.ms : worker.last_active.ms);
    out[i].setLastDateActive(worker.last_active.ms);
    if (worker.recent.empty()) continue;
    auto latest = out[i].initLatestTask();
    latest.setTaskId(text(worker.recent.back().task_id));
    latest.setRunId(worker.recent.back().run_id);
  }
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

}  // namespace

schema::Queue::Client make_queue_service(Site& site) {
  return kj::heap<QueueService>(site);
}

}  // namespace troupe::server
