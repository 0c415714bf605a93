// Task groups.
#include "actors/task_group/group_actor.h"
#include "apps/troupe/server/log_types.h"
#include "apps/troupe/server/queue/service.h"
#include "apps/troupe/server/short_page.h"

namespace troupe::server {

using kj::Promise;
using kj::READY_NOW;

namespace {

template <class Fill>
Promise<Bytes> ask_group(Site& site, const std::string& id, Fill&& fill) {
  return ask(site, task_group_id(id), build<schema::TaskGroupMessage>(std::forward<Fill>(fill)));
}

}  // namespace

task_group::GroupView QueueService::require_group(const Snapshot& snapshot,
                                                  capnp::Text::Reader id) {
  auto group = task_group::find_group(snapshot, checked_id(id, "taskGroupId"));
  if (!group) throw_error({Errc::not_found, "no task group " + str(id)});
  return std::move(*group);
}

void QueueService::authorize_group(const task_group::GroupView& group) {
  call_.authorize(api_values(
      {{"schedulerId", group.state.scheduler_id}, {"taskGroupId", group.state.task_group_id}}));
}

Promise<void> QueueService::listTaskGroup(ListTaskGroupContext context) {
  const auto params = context.getParams();
  const Page page = checked_page(params);
  const auto snapshot = site_.host.snapshot();
  const auto group = require_group(*snapshot, params.getTaskGroupId());
  std::string next;
  auto tasks = page_of_tasks(*snapshot, page, next, [&](const Page& part, std::string& token) {
    return task_group::list_members(*snapshot, group, part, token);
  });
  auto results = context.getResults();
  results.setTaskGroupId(text(group.state.task_group_id));
  results.setSchedulerId(text(group.state.scheduler_id));
  results.setExpires(group.state.expires.ms);
  results.setSealed(group.state.sealed.ms);
  fill_tasks(tasks, results.initTasks(static_cast<unsigned>(tasks.size())));
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

Promise<void> QueueService::getTaskGroup(GetTaskGroupContext context) {
  const auto snapshot = site_.host.snapshot();
  const auto group = require_group(*snapshot, context.getParams().getTaskGroupId());
  task_group::fill_group(group.state, context.getResults());
  return READY_NOW;
}

Promise<void> QueueService::sealTaskGroup(SealTaskGroupContext context) {
  const std::string id = str(context.getParams().getTaskGroupId());
  authorize_group(require_group(*site_.host.snapshot(), context.getParams().getTaskGroupId()));
  return ask_group(site_, id, [](schema::TaskGroupMessage::Builder m) { m.setSeal(); })
      .then([context](Bytes answer) mutable {
        context.setResults(Stored<schema::TaskGroup>(answer).get());
      });
}

Promise<void> QueueService::cancelTaskGroup(CancelTaskGroupContext context) {
  const std::string id = str(context.getParams().getTaskGroupId());
  const auto group = require_group(*site_.host.snapshot(), context.getParams().getTaskGroupId());
  // Whoever asks is told of this first, whatever they may do.
  if (!group.state.sealed) {
    throw_error(
        {Errc::conflict, "task group " + id + " is not sealed: seal it before cancelling it"});
  }
  authorize_group(group);
  return ask_group(site_, id, [](schema::TaskGroupMessage::Builder m) { m.setCancel(); })
      .then([context](Bytes answer) mutable {
        Stored<schema::CancelledTaskGroup> stored(answer);
        const auto cancelled = stored.get();
        log_typed("task_group_cancelled", {{"task_group_id", view(cancelled.getTaskGroupId())},
                                           {"task_group_size", cancelled.getTaskGroupSize()},
                                           {"cancelled_count", cancelled.getCancelledCount()}});
        context.setResults(cancelled);
      });
}

Promise<void> QueueService::changeTaskGroupPriority(ChangeTaskGroupPriorityContext context) {
  const std::string id = str(context.getParams().getTaskGroupId());
  const auto priority = context.getParams().getChange().getNewPriority();
  authorize_group(require_group(*site_.host.snapshot(), context.getParams().getTaskGroupId()));
  return ask_group(
             site_, id,
             [priority](schema::TaskGroupMessage::Builder m) { m.setChangePriority(priority); })
      .then([context](Bytes answer) mutable {
        context.setResults(Stored<schema::TaskGroupPriority>(answer).get());
      });
}

}  // namespace troupe::server
