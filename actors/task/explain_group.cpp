// Members in the same position are told apart by what is cheap to see: state, queue, and what they
// need. Only one of each is explained in full.
#include "actors/task/explain_group.h"

#include "actors/task/explain_blocked.h"
#include "actors/task/explain_task.h"

#include <capnp/message.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace troupe::task {
namespace {

using schema::TaskState;

constexpr std::size_t members_max = 10'000;
constexpr std::size_t reasons_max = 20;

struct Reason {
  std::string code;
  std::string label;  // the code, or what is well with them
  std::string message;
  std::string help;
  std::size_t tasks = 0;
  std::string task_id;  // the first of them
  std::string name;
};

// Reasons that somebody has to do something about come first, what merely takes time last.
constexpr std::string_view codes[] = {
    "no-worker", "workers-paused", "blocked-by-failure", "deadline", "not-scheduled",
    "resources", "concurrency",    "workers-busy",       "blocked",  ""};
constexpr std::ptrdiff_t patient_codes = 7;  // from here on: waits its turn

std::ptrdiff_t rank(const std::string& code) {
  return std::ranges::find(codes, code) - std::begin(codes);
}

class Members {
 public:
  Members(const Snapshot& snapshot, Instant now)
      : snapshot_(snapshot), now_(now), failures_(snapshot) {}

  void count(const std::string& id) {
    auto task = find_task(snapshot_, id);
    if (!task) return;
    const TaskState state = task->state();
    running_ += state == TaskState::RUNNING ? 1 : 0;
    Reason& reason = reasons_[position(*task, state)];
    reason.tasks += 1;
    if (reason.task_id.empty()) reason.task_id = id;
  }

  std::size_t running() const { return running_; }
  std::size_t ended() const {
    const auto found = reasons_.find("ended");
    return found == reasons_.end() ? 0 : found->second.tasks;
  }

  /// Of those that have not ended, the worst first.
  std::vector<Reason> explained() {
    std::vector<Reason> all;
    for (const auto& [position, reason] : reasons_) {
      if (position == "ended") continue;
      if (all.size() == reasons_max) break;
      all.push_back(explain_one(reason));
      std::string& label = all.back().label;
      label = all.back().code;
      if (label.empty()) label = position == "running" ? "running" : "about to start";
    }
    std::ranges::stable_sort(all, {}, [](const Reason& r) {
      return std::pair(rank(r.code), -static_cast<std::ptrdiff_t>(r.tasks));
    });
    return all;
  }

 private:
  // Members with the same text have the same reason.
  std::string position(TaskView& task, TaskState state) {
    switch (state) {
      case TaskState::UNSCHEDULED:
        if (is_overdue(task, now_)) return "deadline";
        return unscheduled(task);
      case TaskState::PENDING:
        if (is_overdue(task, now_)) return "deadline";
        return "pending " + str(task.row().getTaskQueueId());
      case TaskState::RUNNING: return is_away(task) ? "away" : "running";
      case TaskState::COMPLETED:
      case TaskState::FAILED:
      case TaskState::EXCEPTION: return "ended";
    }
    return "ended";
  }

  std::string unscheduled(TaskView& task) {
    if (task.row().getUnsatisfied() == 0) return task.row().getHeld() ? "held" : "not scheduled";
    return failures_.block(task) ? "blocked by a failure" : "blocked";
  }

  bool is_away(TaskView& task) {
    const auto runs = task.row().getRuns();
    const auto run = runs[runs.size() - 1];
    const std::string worker = str(task.row().getTaskQueueId()) + "/" + str(run.getWorkerGroup()) +
                               "/" + str(run.getWorkerId());
    const auto known = away_.find(worker);
    if (known != away_.end()) return known->second;
    return away_[worker] = find_away_worker(snapshot_, task).has_value();
  }

  Reason explain_one(Reason reason) {
    capnp::MallocMessageBuilder scratch;
    auto explanation = scratch.initRoot<schema::Explanation>();
    auto task = find_task(snapshot_, reason.task_id);
    explain_task(snapshot_, *task, now_, explanation);
    reason.name = str(task->row().getName());
    reason.code = str(explanation.asReader().getCode());
    reason.message = str(explanation.asReader().getMessage());
    reason.help = str(explanation.asReader().getHelp());
    return reason;
  }

  const Snapshot& snapshot_;
  const Instant now_;
  std::size_t running_ = 0;
  std::map<std::string, Reason> reasons_;  // by position
  std::map<std::string, bool> away_;       // of workers
  Failures failures_;
};

// `2 no-worker, 3 blocked, 1 running`.
std::string counts_text(const std::vector<Reason>& reasons) {
  std::vector<std::pair<std::string, std::size_t>> counts;
  for (const Reason& reason : reasons) {
    if (counts.empty() || counts.back().first != reason.label) counts.emplace_back(reason.label, 0);
    counts.back().second += reason.tasks;
  }
  std::vector<std::string> parts;
  parts.reserve(counts.size());
  for (const auto& [label, tasks] : counts) parts.push_back(fmt::format("{} {}", tasks, label));
  return fmt::format("{}", fmt::join(parts, ", "));
}

void fill_members(const std::vector<Reason>& reasons, schema::Explanation::Builder out) {
  auto members = out.initMembers(static_cast<unsigned>(reasons.size()));
  for (unsigned i = 0; i < members.size(); ++i) {
    members[i].setCode(text(reasons[i].code));
    members[i].setTasks(reasons[i].tasks);
    members[i].setTaskId(text(reasons[i].task_id));
    members[i].setName(text(reasons[i].name));
    members[i].setMessage(text(reasons[i].message));
  }
}

}  // namespace

void explain_group(const Snapshot& snapshot,
                   const task_group::GroupView& group,
                   Instant now,
                   schema::Explanation::Builder out) {
  std::string next;
  Members members(snapshot, now);
  const auto ids = task_group::list_members(snapshot, group, Page{members_max, ""}, next);
  for (const auto& id : ids) members.count(id);
  const std::string some = next.empty() ? "" : fmt::format("of its first {} tasks: ", ids.size());
  const auto reasons = members.explained();
  if (reasons.empty()) return say(out, "", some + "all of its tasks have ended", "");
  fill_members(reasons, out);
  std::string message = some + counts_text(reasons);
  if (members.ended() > 0) message += fmt::format(", {} ended", members.ended());
  // While something runs, that others wait their turn is as it should be.
  const Reason& worst = reasons.front();
  const bool well = members.running() > 0 && rank(worst.code) >= patient_codes;
  if (!worst.code.empty()) message += fmt::format("; {}: {}", worst.name, worst.message);
  say(out, well ? "" : worst.code.c_str(), message, worst.help);
}

}  // namespace troupe::task
