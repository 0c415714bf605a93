#include "actors/task/explain_blocked.h"

#include "actors/task/explain_task.h"
#include "runtime/transcode/json.h"

#include <capnp/message.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace troupe::task {
namespace {

using schema::TaskState;
using Out = schema::Explanation::Builder;

constexpr std::size_t blockers_max = 20;
// Of a task with more needs, or more tasks behind it, a failure among the others may be missed.
constexpr std::size_t needs_max = 20;
constexpr std::size_t walk_max = 1000;
constexpr std::size_t roots_max = 5;  // that are named

bool has_failed(TaskView& task) {
  return task.state() == TaskState::FAILED || task.state() == TaskState::EXCEPTION;
}

enum class Step : std::uint8_t { deeper, past, stop };
// Gets a task that is waited for, and the need of the first task that leads to it.
using Visit = std::function<Step(const std::string& id, TaskView& task, const std::string& via)>;

// Visits what `task` waits for, the nearest first, each once, `walk_max` at most.
void walk_needs(const Snapshot& snapshot, TaskView& task, const Visit& visit) {
  std::deque<std::pair<std::string, std::string>> ahead;  // a task, and the need that leads to it
  std::set<std::string> seen;
  const auto push_needs = [&](TaskView& of, const std::string& via) {
    for (const auto& id : unsatisfied_needs(snapshot, of, needs_max)) {
      if (seen.insert(id).second) ahead.emplace_back(id, via.empty() ? id : via);
    }
  };
  push_needs(task, "");
  for (std::size_t walked = 0; !ahead.empty() && walked < walk_max; ++walked) {
    const auto [id, via] = ahead.front();
    ahead.pop_front();
    auto needed = find_task(snapshot, id);
    if (!needed) continue;
    const Step step = visit(id, *needed, via);
    if (step == Step::stop) return;
    if (step == Step::deeper) push_needs(*needed, via);
  }
}

struct Needed {
  std::string id;
  std::string name;
  std::string via;   // the need that leads to it: itself, if it is one
  std::string text;  // `test (failed)`

  bool direct() const { return id == via; }
};

Needed describe(const std::string& id, TaskView& task, const std::string& via) {
  Needed needed{id, str(task.row().getName()), via, {}};
  const auto runs = task.row().getRuns();
  const std::string state = has_failed(task) ? enum_name(runs[runs.size() - 1].getReasonResolved())
                                             : enum_name(task.state());
  needed.text = fmt::format("{} ({})", needed.name, state);
  return needed;
}

// What the waiting comes from.
struct Roots {
  std::vector<Needed> failed;   // will not satisfy anything by themselves
  std::vector<Needed> waiting;  // may still do
  std::vector<Needed> needs;    // the task's own, where they wait for others themselves
};

Roots find_roots(const Snapshot& snapshot, TaskView& task) {
  Roots roots;
  walk_needs(snapshot, task, [&](const std::string& id, TaskView& needed, const std::string& via) {
    Needed found = describe(id, needed, via);
    const bool waits =
        needed.state() == TaskState::UNSCHEDULED && needed.row().getUnsatisfied() > 0;
    if (waits && found.direct()) roots.needs.push_back(found);
    if (waits) return Step::deeper;
    (has_failed(needed) ? roots.failed : roots.waiting).push_back(std::move(found));
    return Step::past;
  });
  return roots;
}

// The tasks it needs itself.
void fill_blockers(const Snapshot& snapshot, const std::vector<std::string>& ids, Out out) {
  auto blockers = out.initBlockers(static_cast<unsigned>(ids.size()));
  for (unsigned i = 0; i < blockers.size(); ++i) {
    blockers[i].setTaskId(text(ids[i]));
    auto required = find_task(snapshot, ids[i]);
    if (!required) continue;
    blockers[i].setName(text(str(required->row().getName())));
    blockers[i].setState(required->state());
    const auto runs = required->row().getRuns();
    if (runs.size() > 0) blockers[i].setReason(runs[runs.size() - 1].getReasonResolved());
  }
}

std::string list_text(const std::vector<std::string>& texts) {
  const std::size_t shown = std::min(texts.size(), roots_max);
  const auto end = texts.begin() + static_cast<std::ptrdiff_t>(shown);
  return fmt::format("{}{}", fmt::join(texts.begin(), end, ", "),
                     shown < texts.size() ? fmt::format(" and {} more", texts.size() - shown) : "");
}

// `blocked by lint (failed), package (unscheduled), which waits for test (failed)`.
std::string blocked_text(const std::vector<Needed>& roots, const std::vector<Needed>& needs) {
  std::vector<std::string> blockers;
  std::vector<std::string> behind;
  std::set<std::string> between;
  for (const Needed& root : roots) {
    (root.direct() ? blockers : behind).push_back(root.text);
    if (!root.direct()) between.insert(root.via);
  }
  for (const Needed& need : needs) {
    if (between.contains(need.id)) blockers.push_back(need.text);
  }
  const std::string text = "blocked by " + list_text(blockers);
  if (behind.empty()) return text;
  return fmt::format("{}, which wait{} for {}", text, between.size() == 1 ? "s" : "",
                     list_text(behind));
}

std::string failure_help(TaskView& task, const Roots& roots) {
  std::string rerun = fmt::format("rerun {}: `troupe task rerun {}`", roots.failed.front().name,
                                  roots.failed.front().id);
  if (roots.failed.size() > 1) {
    rerun = fmt::format("rerun what failed: `troupe group rerun {} --failed`",
                        str(task.row().getTaskGroupId()));
  }
  const bool any_end = task.definition().getRequires() == schema::Requires::ALL_RESOLVED;
  if (!any_end || roots.needs.empty()) return rerun + ", or schedule this task by hand";
  // A task that is cancelled has ended, and that is all that this one asks for.
  return fmt::format("{}, or cancel {}: `troupe task cancel {}`", rerun, roots.needs.front().name,
                     roots.needs.front().id);
}

// Of the first that somebody has to do something about: what `explain` says of it.
void add_remedy(const Snapshot& snapshot,
                const std::vector<Needed>& waiting,
                Instant now,
                std::string& message,
                std::string& help) {
  for (std::size_t i = 0; i < std::min(waiting.size(), roots_max); ++i) {
    auto root = find_task(snapshot, waiting[i].id);
    if (root->state() == TaskState::RUNNING) continue;
    capnp::MallocMessageBuilder scratch;
    auto explanation = scratch.initRoot<schema::Explanation>();
    explain_task(snapshot, *root, now, explanation);
    const auto said = explanation.asReader();
    const std::string code = str(said.getCode());
    if (code != "no-worker" && code != "workers-paused" && code != "not-scheduled") continue;
    message += fmt::format("; {}: {}", waiting[i].name, str(said.getMessage()));
    help = str(said.getHelp());
    return;
  }
}

}  // namespace

void explain_unscheduled(const Snapshot& snapshot, TaskView& task, Instant now, Out out) {
  const auto ids = unsatisfied_needs(snapshot, task, blockers_max);
  fill_blockers(snapshot, ids, out);
  const Roots roots = find_roots(snapshot, task);
  if (!roots.failed.empty()) {
    say(out, "blocked-by-failure", blocked_text(roots.failed, roots.needs),
        failure_help(task, roots));
  } else if (!roots.waiting.empty()) {
    std::string message = blocked_text(roots.waiting, roots.needs);
    std::string help;
    add_remedy(snapshot, roots.waiting, now, message, help);
    say(out, "blocked", message, help);
  } else if (!ids.empty()) {
    say(out, "blocked", fmt::format("blocked by {}", list_text(ids)), "");
  } else if (task.row().getHeld()) {
    say(out, "not-scheduled", "held until its whole group is created",
        "whoever creates the group releases it at the end");
  } else {
    say(out, "not-scheduled", "not scheduled",
        fmt::format("schedule it: `troupe task schedule {}`", str(task.row().getTaskId())));
  }
}

bool Failures::block(TaskView& task) {
  bool failure = false;
  std::vector<std::string> walked;
  walk_needs(snapshot_, task, [&](const std::string& id, TaskView& needed, const std::string&) {
    const auto known = known_.find(id);
    const bool waits = needed.state() == TaskState::UNSCHEDULED;
    failure = known != known_.end() ? known->second : has_failed(needed);
    if (failure) return Step::stop;
    walked.push_back(id);
    return waits && known == known_.end() ? Step::deeper : Step::past;
  });
  // One of many on the way that was walked may lead to the failure: only the task itself is sure.
  if (!failure) {
    for (const auto& id : walked) known_[id] = false;
  }
  known_[str(task.row().getTaskId())] = failure;
  return failure;
}

}  // namespace troupe::task
