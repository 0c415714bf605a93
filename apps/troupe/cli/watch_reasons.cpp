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

// Whether others of the queue, or of the worker, are in the same position.
bool is_shared(std::string_view code) {
  return code.empty() || code == "no-worker" || code == "workers-paused" || code == "workers-busy";
}

bool same_position(const WatchedTask& a, const WatchedTask& b) {
  if (a.state != b.state || a.queue != b.queue) return false;
  if (a.state == TaskState::RUNNING) return a.worker == b.worker;
  return a.state == TaskState::PENDING && !b.own_reason;
}

}  // namespace

BlockedBy blocked_by(const WatchedGroup& group, const WatchedTask& task) {
  if (task.state != TaskState::UNSCHEDULED) return {};
  std::vector<std::string> failed;
  std::vector<std::string> waiting;
  for (const std::string& id : task.dependencies) {
    const WatchedTask* needed = group.find(id);
    if (needed == nullptr || needed->state == TaskState::COMPLETED) continue;
    if (!is_resolved(needed->state)) {
      waiting.push_back(harmless(needed->name));
    } else if (task.requires_completed) {
      failed.push_back(fmt::format("{} ({})", harmless(needed->name), enum_name(needed->state)));
    }
  }
  std::vector<std::string> names = failed;
  names.insert(names.end(), waiting.begin(), waiting.end());
  if (names.empty()) return {};
  const std::size_t more = names.size() - std::min(names.size(), names_max);
  names.resize(names.size() - more);
  return {fmt::format("blocked by {}{}", fmt::join(names, ", "),
                      more > 0 ? fmt::format(" and {} more", more) : ""),
          !failed.empty()};
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
    if (unscheduled && blocked_by(group, task).text.empty()) ids.push_back(task.id);
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
