// Tasks: definitions, statuses, and what starts and stops them.
#include "apps/troupe/server/creation.h"
#include "apps/troupe/server/queue/service.h"
#include "apps/troupe/server/short_page.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace troupe::server {

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

ScopeParameters api_values(std::initializer_list<std::pair<const char*, std::string>> texts) {
  ScopeParameters values;
  for (const auto& [name, value] : texts) values.text(name, value);
  return values;
}

kj::Own<capnp::Capability::Server> serve_queue(Site& site, api::Call& call) {
  return kj::heap<QueueService>(site, call);
}

void QueueService::authorize_task(const std::string& id) {
  auto task = require_task(*site_.host.snapshot(), id);
  const auto row = task.row();
  call_.authorize(api_values({{"taskId", str(row.getTaskId())},
                              {"taskGroupId", str(row.getTaskGroupId())},
                              {"schedulerId", str(row.getSchedulerId())},
                              {"taskQueueId", str(row.getTaskQueueId())},
                              {"projectId", str(row.getProjectId())}}));
}

namespace {

// The ids asked for, each once, in order: so a page goes on where the last one ended.
std::vector<std::string> ids_of(schema::TaskIds::Reader asked) {
  std::vector<std::string> ids;
  ids.reserve(asked.getTaskIds().size());
  for (const auto id : asked.getTaskIds()) ids.push_back(str(id));
  std::ranges::sort(ids);
  const auto doubles = std::ranges::unique(ids);
  ids.erase(doubles.begin(), doubles.end());
  return ids;
}

// Ids that are looked up for one page: of many that are unknown, the answer does not tell all.
constexpr std::ptrdiff_t looks_max = 10'000;

// The tasks of one page of ids, and where the next begins, if there are more.
std::vector<task::TaskView> find_page(const Snapshot& snapshot,
                                      const std::vector<std::string>& ids,
                                      const Page& page,
                                      std::string& next) {
  std::vector<task::TaskView> tasks;
  if (page.limit == 0) return tasks;
  auto at = std::ranges::upper_bound(ids, page.after);
  const auto end = at + std::min(looks_max, ids.end() - at);
  for (; at != end && tasks.size() < page.limit; ++at) {
    if (auto task = task::find_task(snapshot, *at)) tasks.push_back(std::move(*task));
  }
  // What is left may be unknown as well.
  while (at != end && !task::find_task(snapshot, *at)) ++at;
  if (at != ids.end()) next = write_token(*std::prev(at));
  return tasks;
}

ScopeParameters scopes_of(const std::vector<std::string>& ids) {
  ScopeParameters values;
  values.list("taskIds", ids);
  return values;
}

}  // namespace

Promise<void> QueueService::task(TaskContext context) {
  const auto snapshot = site_.host.snapshot();
  auto task = require_task(*snapshot, checked_id(context.getParams().getTaskId(), "taskId"));
  task.fill_definition(context.getResults().initTask());
  return READY_NOW;
}

Promise<void> QueueService::status(StatusContext context) {
  const auto snapshot = site_.host.snapshot();
  auto task = require_task(*snapshot, checked_id(context.getParams().getTaskId(), "taskId"));
  task.fill_status(context.getResults().initStatus());
  return READY_NOW;
}

Promise<void> QueueService::createTask(CreateTaskContext context) {
  const auto params = context.getParams();
  // Over HTTP the body was counted as it came.
  if (call_.http() == nullptr) take(check_size(params.getTask()));
  auto task = take(check_task(site_, params.getTaskId(), params.getTask(), false));
  call_.authorize(creation_scopes(params.getTask()));
  take(check_rules(task));
  return answer_status(context, create_task(site_, std::move(task)));
}

Promise<void> QueueService::scheduleTask(ScheduleTaskContext context) {
  return command(context, [](schema::TaskMessage::Builder m) { m.setSchedule(); });
}

Promise<void> QueueService::rerunTask(RerunTaskContext context) {
  const auto request_id = context.getParams().getRequestId();
  if (request_id.size() > 0) checked_id(request_id, "requestId");
  return command(context, [request_id](schema::TaskMessage::Builder m) {
    m.setRerun();
    m.setRequestId(request_id);
  });
}

Promise<void> QueueService::cancelTask(CancelTaskContext context) {
  return command(context, [](schema::TaskMessage::Builder m) { m.setCancel(); });
}

Promise<void> QueueService::changeTaskPriority(ChangeTaskPriorityContext context) {
  const auto priority = context.getParams().getChange().getNewPriority();
  return command(context,
                 [priority](schema::TaskMessage::Builder m) { m.setChangePriority(priority); });
}

Promise<void> QueueService::listDependentTasks(ListDependentTasksContext context) {
  const auto params = context.getParams();
  const Page page = checked_page(params);
  const auto snapshot = site_.host.snapshot();
  auto task = require_task(*snapshot, checked_id(params.getTaskId(), "taskId"));
  std::string next;
  auto tasks = page_of_tasks(*snapshot, page, next, [&](const Page& part, std::string& token) {
    return task::list_dependents(*snapshot, task, site_.now(), part, token);
  });
  auto results = context.getResults();
  results.setTaskId(params.getTaskId());
  fill_tasks(tasks, results.initTasks(static_cast<unsigned>(tasks.size())));
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

Promise<void> QueueService::tasks(TasksContext context) {
  const auto params = context.getParams();
  const auto ids = ids_of(params.getTasks());
  call_.authorize(scopes_of(ids));
  const auto snapshot = site_.host.snapshot();
  std::string next;
  auto tasks = short_page(
      checked_page(params), next,
      [&](const Page& page, std::string& token) { return find_page(*snapshot, ids, page, token); },
      [](const task::TaskView& task) { return task.definition_bytes(); });
  auto results = context.getResults();
  auto out = results.initTasks(static_cast<unsigned>(tasks.size()));
  for (unsigned i = 0; i < tasks.size(); ++i) {
    out[i].setTaskId(tasks[i].row().getTaskId());
    tasks[i].fill_definition(out[i].initTask());
  }
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

Promise<void> QueueService::statuses(StatusesContext context) {
  const auto params = context.getParams();
  const auto ids = ids_of(params.getTasks());
  call_.authorize(scopes_of(ids));
  const auto snapshot = site_.host.snapshot();
  std::string next;
  auto tasks = short_page(
      checked_page(params), next,
      [&](const Page& page, std::string& token) { return find_page(*snapshot, ids, page, token); },
      [](const task::TaskView& task) { return task.status_bytes(); });
  auto results = context.getResults();
  auto out = results.initStatuses(static_cast<unsigned>(tasks.size()));
  for (unsigned i = 0; i < tasks.size(); ++i) {
    out[i].setTaskId(tasks[i].row().getTaskId());
    tasks[i].fill_status(out[i].initStatus());
  }
  if (!next.empty()) results.setContinuationToken(text(next));
  return READY_NOW;
}

}  // namespace troupe::server
