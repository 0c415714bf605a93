// The queue's methods: queries from snapshots, commands to actors. One object serves one call; its
// methods are in one file for each topic.
#pragma once

#include "actors/task/queries.h"
#include "actors/task_group/queries.h"
#include "apps/troupe/server/call.h"
#include "apps/troupe/server/monitor.h"
#include "apps/troupe/server/queue/work_wait.h"
#include "apps/troupe/server/site.h"
#include "runtime/api/call.h"
#include "schema/api/queue.capnp.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace troupe::server {

/// An artifact with the task that has it.
struct ArtifactOf {
  std::string task_id;
  task::ArtifactInfo info;
};

/// Answers one call of the queue's. Borrows both, which outlive it.
kj::Own<capnp::Capability::Server> serve_queue(Site& site, api::Call& call);

class QueueService final : public schema::Queue::Server, public Monitor {
 public:
  QueueService(Site& site, api::Call& call) : Monitor(site), site_(site), call_(call) {}

  // -- tasks.cpp
  kj::Promise<void> task(TaskContext context) override;
  kj::Promise<void> tasks(TasksContext context) override;
  kj::Promise<void> status(StatusContext context) override;
  kj::Promise<void> statuses(StatusesContext context) override;
  kj::Promise<void> createTask(CreateTaskContext context) override;
  kj::Promise<void> scheduleTask(ScheduleTaskContext context) override;
  kj::Promise<void> rerunTask(RerunTaskContext context) override;
  kj::Promise<void> cancelTask(CancelTaskContext context) override;
  kj::Promise<void> changeTaskPriority(ChangeTaskPriorityContext context) override;
  kj::Promise<void> listDependentTasks(ListDependentTasksContext context) override;

  // -- groups.cpp
  kj::Promise<void> listTaskGroup(ListTaskGroupContext context) override;
  kj::Promise<void> getTaskGroup(GetTaskGroupContext context) override;
  kj::Promise<void> sealTaskGroup(SealTaskGroupContext context) override;
  kj::Promise<void> cancelTaskGroup(CancelTaskGroupContext context) override;
  kj::Promise<void> changeTaskGroupPriority(ChangeTaskGroupPriorityContext context) override;

  // -- artifacts.cpp
  kj::Promise<void> listArtifacts(ListArtifactsContext context) override;
  kj::Promise<void> listLatestArtifacts(ListLatestArtifactsContext context) override;
  kj::Promise<void> artifactInfo(ArtifactInfoContext context) override;
  kj::Promise<void> latestArtifactInfo(LatestArtifactInfoContext context) override;
  kj::Promise<void> createArtifact(CreateArtifactContext context) override;
  kj::Promise<void> finishArtifact(FinishArtifactContext context) override;
  kj::Promise<void> getArtifact(GetArtifactContext context) override;
  kj::Promise<void> getLatestArtifact(GetLatestArtifactContext context) override;
  kj::Promise<void> artifact(ArtifactContext context) override;
  kj::Promise<void> latestArtifact(LatestArtifactContext context) override;

  // -- claims.cpp
  kj::Promise<void> claimWork(ClaimWorkContext context) override;
  kj::Promise<void> claimTask(ClaimTaskContext context) override;
  kj::Promise<void> reclaimTask(ReclaimTaskContext context) override;
  kj::Promise<void> reportCompleted(ReportCompletedContext context) override;
  kj::Promise<void> reportFailed(ReportFailedContext context) override;
  kj::Promise<void> reportException(ReportExceptionContext context) override;

  // -- queues.cpp
  kj::Promise<void> listProvisioners(ListProvisionersContext context) override;
  kj::Promise<void> getProvisioner(GetProvisionerContext context) override;
  kj::Promise<void> listWorkerTypes(ListWorkerTypesContext context) override;
  kj::Promise<void> getWorkerType(GetWorkerTypeContext context) override;
  kj::Promise<void> listTaskQueues(ListTaskQueuesContext context) override;
  kj::Promise<void> getTaskQueue(GetTaskQueueContext context) override;
  kj::Promise<void> pendingTasks(PendingTasksContext context) override;
  kj::Promise<void> taskQueueCounts(TaskQueueCountsContext context) override;
  kj::Promise<void> listPendingTasks(ListPendingTasksContext context) override;
  kj::Promise<void> listClaimedTasks(ListClaimedTasksContext context) override;

  // -- workers.cpp
  kj::Promise<void> listWorkers(ListWorkersContext context) override;
  kj::Promise<void> getWorker(GetWorkerContext context) override;
  kj::Promise<void> quarantineWorker(QuarantineWorkerContext context) override;
  kj::Promise<void> declareWorker(DeclareWorkerContext context) override;

 private:
  template <class Context>
  kj::Promise<void> answer_status(Context context, kj::Promise<Bytes> answer) {
    return answer.then([context](Bytes status) mutable {
      context.getResults().setStatus(Stored<schema::TaskStatus>(status).get());
    });
  }

  /// Asks the task's actor, once the caller may; answers with the status.
  template <class Context, class Fill>
  kj::Promise<void> command(Context context, Fill&& fill) {
    auto id = checked_id(context.getParams().getTaskId(), "taskId");
    authorize_task(id);
    return answer_status(context, ask_task(site_, std::move(id), std::forward<Fill>(fill)));
  }

  /// Checks what the method needs with the values of a stored task; `not_found` without one.
  void authorize_task(const std::string& id);
  /// Checks what the method needs with the values of a stored group.
  void authorize_group(const task_group::GroupView& group);
  /// `not_found` if it is not there.
  task_group::GroupView require_group(const Snapshot& snapshot, capnp::Text::Reader id);

  /// Answers a claimWork once there is something for it, its time is over or its peer gone, and
  /// `noted` has come.
  kj::Promise<void> give_work(WorkRequest work, kj::Promise<void> noted, ClaimWorkContext context);

  /// A worker says how a run has ended.
  template <class Context>
  kj::Promise<void> report(Context context, schema::Outcome outcome, schema::ReasonResolved reason);

  template <class Context>
  kj::Promise<void> fill_artifacts(Context context,
                                   const Snapshot& snapshot,
                                   task::TaskView& task,
                                   std::uint32_t run);
  template <class Context>
  kj::Promise<void> fill_info(Context context,
                              const Snapshot& snapshot,
                              task::TaskView& task,
                              std::uint32_t run);

  /// Requires that the caller may get artifacts of all these names.
  void authorize_names(const std::vector<std::string>& names);
  /// What links lead to; each name on the way is authorised.
  task::ArtifactInfo follow(const Snapshot& snapshot,
                            task::TaskView& task,
                            std::uint32_t run,
                            const std::string& name);
  void fill_location(const ArtifactOf& artifact, schema::ArtifactLocation::Builder out);
  void fill_content(const ArtifactOf& artifact, schema::ArtifactContent::Builder out);

  Site& site_;
  api::Call& call_;
};

// -- steps that several of them share

/// `not_found` if it is not there, or not visible.
task::TaskView require_task(const Snapshot& snapshot, const std::string& id);
/// `not_found` if the task has no such run.
void require_run(task::TaskView& task, std::uint32_t run);
/// `not_found` if the task has no runs.
std::uint32_t latest_run(task::TaskView& task);

/// Texts of a scope expression, by name.
ScopeParameters api_values(std::initializer_list<std::pair<const char*, std::string>> texts);

/// The halves of a taskQueueId.
inline std::pair<std::string, std::string> halves(const std::string& task_queue_id) {
  const auto slash = task_queue_id.find('/');
  return {task_queue_id.substr(0, slash), task_queue_id.substr(slash + 1)};
}

/// Fills in a list of the answer, which has as many entries, with statuses and definitions.
inline void fill_tasks(std::vector<task::TaskView>& tasks,
                       capnp::List<schema::TaskAndStatus>::Builder out) {
  for (unsigned i = 0; i < tasks.size(); ++i) {
    tasks[i].fill_status(out[i].initStatus());
    tasks[i].fill_definition(out[i].initTask());
  }
}

}  // namespace troupe::server
