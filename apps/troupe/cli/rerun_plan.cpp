#include "apps/troupe/cli/rerun_plan.h"

#include "apps/troupe/cli/task_views.h"
#include "apps/troupe/group_file/group_file.h"

#include <cstdint>
#include <map>

namespace troupe::cli {
namespace {

using schema::TaskState;

// What those who need a task may hope for.
enum class Outlook : std::uint8_t {
  completed,
  ended,  // not completed
  open,   // it will end, or may
  never,  // it waits for a failure, or is not rerun
};

using Outlooks = std::map<std::string, Outlook>;

struct Needs {
  bool open = false;
  std::string lost;  // the first that does not end as it should; empty: none
};

// Of the members that come before the task: those in a circle do not wait for each other.
Needs look_at_needs(const WatchedTask& task, const Outlooks& before) {
  Needs needs;
  for (const std::string& id : task.dependencies) {
    const auto found = before.find(id);
    if (found == before.end()) continue;
    if (found->second == Outlook::open) needs.open = true;
    const bool lost = found->second == Outlook::never ||
                      (found->second == Outlook::ended && task.requires_completed);
    if (lost && needs.lost.empty()) needs.lost = id;
  }
  return needs;
}

// Of a task that is not rerun now or later.
Outlook outlook_of(const WatchedTask& task, const Needs& needs) {
  switch (task.state) {
    case TaskState::UNSCHEDULED: return needs.lost.empty() ? Outlook::open : Outlook::never;
    case TaskState::PENDING:
    case TaskState::RUNNING: return Outlook::open;
    case TaskState::COMPLETED: return Outlook::completed;
    case TaskState::FAILED:
    case TaskState::EXCEPTION: return Outlook::ended;
  }
  return Outlook::open;
}

bool is_meant(const WatchedTask& task, bool only_failed) {
  if (task.queue == group_file::upload_queue) return false;
  return is_resolved(task.state) && !(only_failed && task.state == TaskState::COMPLETED);
}

}  // namespace

RerunPlan::RerunPlan(const WatchedGroup& group, bool only_failed) {
  std::set<std::string> ordered;
  for (const WatchedTask* task : group.in_order()) {
    order_.push_back(task->id);
    ordered.insert(task->id);
  }
  // What needs each other in a circle comes last.
  for (const WatchedTask& task : group.tasks()) {
    if (ordered.count(task.id) == 0) order_.push_back(task.id);
    if (is_meant(task, only_failed)) waiting_.insert(task.id);
  }
}

RerunPlan::Step RerunPlan::next(const WatchedGroup& group) {
  Step step;
  Outlooks outlooks;
  for (const std::string& id : order_) {
    const WatchedTask& task = *group.find(id);
    const Needs needs = look_at_needs(task, outlooks);
    Outlook outlook = Outlook::open;
    if (waiting_.count(id) == 0) {
      outlook = lost_.count(id) > 0 ? Outlook::never : outlook_of(task, needs);
    } else if (!needs.lost.empty()) {
      step.dropped.push_back({id, needs.lost});
      waiting_.erase(id);
      lost_.insert(id);
      outlook = Outlook::never;
    } else if (!needs.open) {
      step.ready.push_back(id);
      waiting_.erase(id);
    }
    outlooks.emplace(id, outlook);
  }
  return step;
}

}  // namespace troupe::cli
