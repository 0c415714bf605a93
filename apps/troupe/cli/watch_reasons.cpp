#include "apps/troupe/cli/watch_reasons.h"

#include "apps/troupe/cli/task_views.h"
#include "apps/troupe/cli/terminal.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace troupe::cli {
namespace {

using schema::TaskState;

constexpr std::size_t names_max = 5;  // blockers that are named
// Of a task with more behind it, a failure among the others may be missed; the end names it.
constexpr std::size_t walk_max = 200;

// Whether others of the queue, or of the worker, are in the same position.
bool is_shared(std::string_view code) {
  return code.empty() || code == "no-worker" || code == "workers-paused" || code == "workers-busy";
}

bool same_position(const WatchedTask& a, const WatchedTask& b) {
  if (a.state != b.state || a.queue != b.queue) return false;
  if (a.state == TaskState::RUNNING) return a.worker == b.worker;
  return a.state == TaskState::PENDING && !b.own_reason;
}

// Visits the members that `task` waits for; `visit` returns false to end that.
template <class Visit>
void visit_blockers(const WatchedGroup& group, const WatchedTask& task, Visit visit) {
  if (task.state != TaskState::UNSCHEDULED) return;
  for (const std::string& id : task.dependencies) {
    const WatchedTask* needed = group.find(id);
    if (needed == nullptr || needed->state == TaskState::COMPLETED) continue;
    if (is_resolved(needed->state) && !task.requires_completed) continue;
    if (!visit(*needed)) return;
  }
}

std::string failed_text(const WatchedTask& task) {
  return fmt::format("{} ({})", harmless(task.name), enum_name(task.state));
}

std::string list_text(std::vector<std::string> names) {
  const std::size_t more = names.size() - std::min(names.size(), names_max);
  names.resize(names.size() - more);
  return fmt::format("{}{}", fmt::join(names, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

// The failures behind a task that waits, but for what has been seen.
std::vector<std::string> failures_behind(const WatchedGroup& group,
                                         const WatchedTask& task,
                                         std::set<const WatchedTask*>& seen) {
  std::vector<std::string> failed;
  std::vector<const WatchedTask*> ahead = {&task};
  while (!ahead.empty() && seen.size() < walk_max) {
    const WatchedTask* next = ahead.back();
    ahead.pop_back();
    visit_blockers(group, *next, [&](const WatchedTask& needed) {
      if (!seen.insert(&needed).second) return true;
      if (is_resolved(needed.state)) failed.push_back(failed_text(needed));
      ahead.push_back(&needed);
      return true;
    });
  }
  return failed;
}

}  // namespace

BlockedBy blocked_by(const WatchedGroup& group, const WatchedTask& task) {
  std::vector<std::string> failed;
  std::vector<std::string> waiting;
  std::vector<std::string> behind;  // failures
  std::vector<std::string> between;
  std::set<const WatchedTask*> seen;
  visit_blockers(group, task, [&](const WatchedTask& needed) {
    if (is_resolved(needed.state)) {
      failed.push_back(failed_text(needed));
      return true;
    }
    waiting.push_back(harmless(needed.name));
    const auto more = failures_behind(group, needed, seen);
    if (!more.empty()) between.push_back(waiting.back());
    behind.insert(behind.end(), more.begin(), more.end());
    return true;
  });
  // What waits in vain says so, and through whom; a failure of its own needs is enough said.
  if (failed.empty() && !behind.empty()) {
    return {fmt::format("blocked by {}, which wait{} for {}", list_text(between),
                        between.size() == 1 ? "s" : "", list_text(behind)),
            true};
  }
  std::vector<std::string> names = failed;
  names.insert(names.end(), waiting.begin(), waiting.end());
  if (names.empty()) return {};
  return {"blocked by " + list_text(std::move(names)), !failed.empty()};
}

bool is_blocked_within(const WatchedGroup& group, const WatchedTask& task) {
  bool blocked = false;
  visit_blockers(group, task, [&blocked](const WatchedTask&) {
    blocked = true;
    return false;
  });
  return blocked;
}

std::string why_text(const WatchedGroup& group, const WatchedTask& task) {
  if (is_resolved(task.state)) return {};
  std::string edges = blocked_by(group, task).text;
  return edges.empty() ? task.why : edges;
}

std::vector<std::string> Questions::next(const WatchedGroup& group) {
  std::vector<std::string> ids;
  std::set<std::pair<TaskState, std::string>> seen;
  for (const WatchedTask& task : group.tasks()) {
    const bool pending = task.state == TaskState::PENDING;
    if (pending && !task.own_reason && seen.insert({task.state, task.queue}).second) {
      ids.push_back(task.id);
    }
    const bool runs = task.state == TaskState::RUNNING;
    if (runs && seen.insert({task.state, task.queue + "/" + task.worker}).second) {
      ids.push_back(task.id);
    }
    const bool unscheduled = task.state == TaskState::UNSCHEDULED && !task.blocked_outside;
    if (unscheduled && !is_blocked_within(group, task)) ids.push_back(task.id);
  }
  if (ids.size() <= asked_max) return ids;
  turn_ %= ids.size();
  std::rotate(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(turn_), ids.end());
  ids.resize(asked_max);
  turn_ += asked_max;
  return ids;
}

bool note_reason(WatchedGroup& group, const std::string& task_id, const Reason& reason) {
  WatchedTask* task = group.find(task_id);
  if (task == nullptr || is_resolved(task->state)) return false;
  task->own_reason = !is_shared(reason.code);
  task->blocked_outside = reason.code == "blocked-by-failure";
  if (!task->own_reason) {
    // How many are ahead of it is true of that one alone.
    const std::string others = reason.code.empty() ? "" : reason.message;
    const std::string turn = "waits its turn in " + task->queue;
    for (WatchedTask& other : group.tasks()) {
      if (!same_position(*task, other)) continue;
      other.why = reason.code == "workers-busy" ? turn : others;
    }
  }
  task->why = reason.code.empty() ? "" : reason.message;
  return true;
}

}  // namespace troupe::cli
