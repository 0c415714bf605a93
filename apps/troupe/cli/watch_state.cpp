#include "apps/troupe/cli/watch_state.h"

#include "apps/troupe/cli/command.h"
#include "apps/troupe/cli/task_views.h"
#include "runtime/base/assert.h"
#include "runtime/transcode/json.h"

#include <algorithm>
#include <cstdint>
#include <tuple>

namespace troupe::cli {
namespace {

using schema::TaskState;

// Within one run, states only rise.
int rank(TaskState state) {
  switch (state) {
    case TaskState::UNSCHEDULED: return 0;
    case TaskState::PENDING: return 1;
    case TaskState::RUNNING: return 2;
    case TaskState::COMPLETED:
    case TaskState::FAILED:
    case TaskState::EXCEPTION: return 3;
  }
  return 0;
}

bool is_failure(TaskState state) {
  return state == TaskState::FAILED || state == TaskState::EXCEPTION;
}

// Follows dependencies to the end, each task once.
class Blocking {
 public:
  Blocking(const std::vector<WatchedTask>& tasks,
           const std::map<std::string, std::size_t, std::less<>>& by_id)
      : tasks_(tasks), by_id_(by_id), known_(tasks.size(), Known::no) {}

  // Recursion is as deep as the longest chain of unscheduled tasks: walk that on a stack of ours.
  bool is_blocked(std::size_t root) {
    std::vector<std::size_t> stack = {root};
    while (!stack.empty()) {
      const std::size_t task = stack.back();
      if (known_[task] != Known::no || decide(task, stack)) stack.pop_back();
    }
    return known_[root] == Known::blocked;
  }

 private:
  enum class Known : std::uint8_t { no, open, free, blocked };

  // False if what it needs was put on the stack first.
  bool decide(std::size_t index, std::vector<std::size_t>& stack) {
    const WatchedTask& task = tasks_[index];
    known_[index] = Known::free;
    if (task.state != TaskState::UNSCHEDULED) return true;
    if (task.blocked_outside) known_[index] = Known::blocked;
    for (const std::string& id : task.dependencies) {
      const auto found = by_id_.find(id);
      if (found == by_id_.end()) continue;
      const WatchedTask& needed = tasks_[found->second];
      if (needed.state == TaskState::UNSCHEDULED && known_[found->second] == Known::no) {
        known_[index] = Known::no;
        stack.push_back(found->second);
        return false;
      }
      const bool failed = task.requires_completed && is_failure(needed.state);
      if (failed || known_[found->second] == Known::blocked) known_[index] = Known::blocked;
    }
    return true;
  }

  const std::vector<WatchedTask>& tasks_;
  const std::map<std::string, std::size_t, std::less<>>& by_id_;
  std::vector<Known> known_;
};

}  // namespace

WatchedTask* WatchedGroup::add(const std::string& task_id,
                               schema::TaskDefinition::Reader definition,
                               schema::TaskStatus::Reader status) {
  if (contains(task_id)) return update(status);
  WatchedTask task;
  task.id = task_id;
  task.name = definition.getMetadata().getName().cStr();
  task.queue = definition.getTaskQueueId().cStr();
  task.requires_completed = definition.getRequires() == schema::Requires::ALL_COMPLETED;
  for (const auto id : definition.getDependencies()) {
    // Some servers list a task among its own dependencies: a hold, not an edge.
    if (task_id != id.cStr()) task.dependencies.emplace_back(id.cStr());
  }
  by_id_.emplace(task_id, tasks_.size());
  tasks_.push_back(std::move(task));
  tasks_.back().status_json = to_json(status);
  update(status);
  return &tasks_.back();
}

WatchedTask* WatchedGroup::update(schema::TaskStatus::Reader status) {
  WatchedTask* task = find(status.getTaskId().cStr());
  TROUPE_EXPECTS(task != nullptr);
  const auto runs = status.getRuns();
  const bool older = runs.size() < task->runs ||
                     (runs.size() == task->runs && rank(status.getState()) <= rank(task->state));
  if (older) return nullptr;
  task->state = status.getState();
  task->runs = runs.size();
  task->status_json = to_json(status);
  task->note.clear();
  task->why.clear();
  task->own_reason = false;
  task->worker.clear();
  task->started = {};
  task->resolved = {};
  task->reason = schema::ReasonResolved::NONE;
  if (runs.size() > 0) {
    const auto last = runs[runs.size() - 1];
    task->started = Instant{last.getStarted()};
    task->resolved = Instant{last.getResolved()};
    task->reason = last.getReasonResolved();
    task->worker = std::string(last.getWorkerGroup().cStr()) + "/" + last.getWorkerId().cStr();
  }
  return task;
}

WatchedTask* WatchedGroup::find(const std::string& task_id) {
  const auto found = by_id_.find(task_id);
  return found == by_id_.end() ? nullptr : &tasks_[found->second];
}

const WatchedTask* WatchedGroup::find(const std::string& task_id) const {
  const auto found = by_id_.find(task_id);
  return found == by_id_.end() ? nullptr : &tasks_[found->second];
}

std::vector<const WatchedTask*> WatchedGroup::in_order() const {
  std::vector<const WatchedTask*> by_name;
  for (const WatchedTask& task : tasks_) by_name.push_back(&task);
  std::sort(by_name.begin(), by_name.end(), [](const WatchedTask* a, const WatchedTask* b) {
    return std::tie(a->name, a->id) < std::tie(b->name, b->id);
  });
  // Kahn's order: again and again what needs nothing that is still to come.
  std::map<std::string, std::size_t> missing;
  std::map<std::string, std::vector<const WatchedTask*>> dependents;
  for (const WatchedTask* task : by_name) {
    for (const std::string& id : task->dependencies) {
      if (!contains(id)) continue;
      ++missing[task->id];
      dependents[id].push_back(task);
    }
  }
  std::vector<const WatchedTask*> ordered;
  for (const WatchedTask* task : by_name) {
    if (missing.count(task->id) == 0) ordered.push_back(task);
  }
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (const WatchedTask* next : dependents[ordered[i]->id]) {
      if (--missing[next->id] == 0) ordered.push_back(next);
    }
  }
  return ordered;
}

std::size_t WatchedGroup::count(TaskState state) const {
  return static_cast<std::size_t>(
      std::count_if(tasks_.begin(), tasks_.end(),
                    [state](const WatchedTask& task) { return task.state == state; }));
}

std::size_t WatchedGroup::resolved_count() const {
  return static_cast<std::size_t>(
      std::count_if(tasks_.begin(), tasks_.end(),
                    [](const WatchedTask& task) { return cli::is_resolved(task.state); }));
}

std::vector<const WatchedTask*> WatchedGroup::blocked() const {
  Blocking blocking(tasks_, by_id_);
  std::vector<const WatchedTask*> all;
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    if (blocking.is_blocked(i)) all.push_back(&tasks_[i]);
  }
  return all;
}

bool WatchedGroup::depends_outside(const WatchedTask& task) const {
  return std::any_of(task.dependencies.begin(), task.dependencies.end(),
                     [this](const std::string& id) { return !contains(id); });
}

bool WatchedGroup::finished() const {
  if (count(TaskState::PENDING) > 0 || count(TaskState::RUNNING) > 0) return false;
  return resolved_count() + blocked().size() == tasks_.size();
}

int WatchedGroup::exit_status() const {
  if (count(TaskState::FAILED) > 0) return exit_failed;
  if (count(TaskState::EXCEPTION) > 0) return exit_exception;
  return blocked().empty() ? exit_done : exit_failed;
}

}  // namespace troupe::cli
