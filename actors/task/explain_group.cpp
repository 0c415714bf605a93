// Members in the same position are told apart by what is cheap to see: state, queue, and what they
// need. Only one of each is explained in full.
#include "actors/task/explain_group.h"

#include "actors/task/explain_blocked.h"
#include "actors/task/explain_reasons.h"
#include "actors/task/explain_task.h"
#include "actors/task_queue/queries.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <vector>

namespace troupe::task {
namespace {

using schema::TaskState;

constexpr std::size_t members_max = 10'000;

// Members in the same position.
struct Position {
  std::size_t tasks = 0;
  std::string task_id;  // the first of them
};

class Members {
 public:
  Members(const Snapshot& snapshot, Instant now) : sight_(snapshot, now), failures_(snapshot) {}

  void count(const std::string& id) {
    auto task = find_task(sight_.snapshot, id);
    if (!task) return;
    const TaskState state = task->state();
    running_ += state == TaskState::RUNNING ? 1 : 0;
    Position& place = positions_[position(*task, state)];
    place.tasks += 1;
    if (place.task_id.empty()) place.task_id = id;
  }

  std::size_t running() const { return running_; }
  std::size_t ended() const {
    const auto found = positions_.find("ended");
    return found == positions_.end() ? 0 : found->second.tasks;
  }

  /// Of those that have not ended, the worst first.
  std::vector<Reason> explained() {
    std::vector<Reason> all;
    for (const auto& [position, place] : positions_) {
      if (position == "ended") continue;
      if (all.size() == reasons_max) break;
      const char* well = position == "running" ? "running" : "about to start";
      all.push_back(explain_example(sight_, place.task_id, place.tasks, well));
    }
    sort_reasons(all);
    return all;
  }

 private:
  // Members with the same text have the same reason.
  std::string position(TaskView& task, TaskState state) {
    switch (state) {
      case TaskState::UNSCHEDULED:
        if (is_overdue(task, sight_.now)) return "deadline";
        return unscheduled(task);
      case TaskState::PENDING:
        if (is_overdue(task, sight_.now)) return "deadline";
        return pending(task);
      case TaskState::RUNNING: return is_away(task) ? "away" : "running";
      case TaskState::COMPLETED:
      case TaskState::FAILED:
      case TaskState::EXCEPTION: return "ended";
    }
    return "ended";
  }

  // Those that ask for the same wait for the same, but for those that their limit holds back.
  std::string pending(TaskView& task) {
    const auto row = task.row();
    const std::string queue_id = str(row.getTaskQueueId());
    const std::string key = str(row.getConcurrencyKey());
    const std::string text = "pending " + queue_id + " " +
                             task_queue::lane_of(task_queue::read_amounts(row.getResources())) +
                             " " + key;
    const auto queue =
        key.empty() ? std::nullopt : task_queue::find_queue(sight_.snapshot, queue_id);
    if (!queue) return text;
    const auto runs = row.getRuns();
    const auto entry = task_queue::find_entry(
        sight_.snapshot, *queue,
        task_queue::make_entry_key(row.getPriority(), runs[runs.size() - 1].getEntry()));
    return entry && entry->held ? "held " + text : text;
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
    return away_[worker] = find_away_worker(sight_.snapshot, task).has_value();
  }

  Sight sight_;
  std::size_t running_ = 0;
  std::map<std::string, Position> positions_;
  std::map<std::string, bool> away_;  // of workers
  Failures failures_;
};

// Its id may be that of a task that is no more.
std::string gone_text(const task_group::GroupView& group) {
  return fmt::format(
      "no task of this id is there any more: its task group is, without tasks; what "
      "has expired is removed, the group some time after {}",
      format_time(group.state.expires));
}

}  // namespace

void explain_group(const Snapshot& snapshot,
                   const task_group::GroupView& group,
                   Instant now,
                   schema::Explanation::Builder out) {
  if (group.state.members == 0) return say(out, "", gone_text(group), "");
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
  const bool well = members.running() > 0 && worst.is_patient();
  if (!worst.code.empty()) message += fmt::format("; {}: {}", worst.name, worst.message);
  say(out, well ? "" : worst.code.c_str(), message, worst.help);
}

}  // namespace troupe::task
