#include "actors/task/explain_blocked.h"

#include "actors/task/explain_task.h"
#include "runtime/transcode/json.h"

#include <capnp/message.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
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
// Of a task with more needs of its own, or of those that it waits for, or with more tasks behind
// it, a failure among the others may be missed.
constexpr std::size_t own_needs_max = 1000;
constexpr std::size_t needs_max = 20;
constexpr std::size_t walk_max = 2000;
constexpr std::size_t roots_max = 5;  // that are named

bool has_failed(TaskView& task) {
  return task.state() == TaskState::FAILED || task.state() == TaskState::EXCEPTION;
}

// Gets a task that is waited for, and the need of the first task that leads to it; says whether to
// look at what that one waits for.
using Visit = std::function<bool(const std::string& id, TaskView& task, const std::string& via)>;

// Visits what `task` waits for, the nearest first, each once, `walk_max` at most.
void walk_needs(const Snapshot& snapshot, TaskView& task, const Visit& visit) {
  std::deque<std::pair<std::string, std::string>> ahead;  // a task, and the need that leads to it
  std::set<std::string> seen;
  const auto push_needs = [&](TaskView& of, const std::string& via) {
    const auto most = via.empty() ? own_needs_max : needs_max;
    for (const auto& id : unsatisfied_needs(snapshot, of, most)) {
      if (seen.insert(id).second) ahead.emplace_back(id, via.empty() ? id : via);
    }
  };
  push_needs(task, "");
  for (std::size_t walked = 0; !ahead.empty() && walked < walk_max; ++walked) {
    const auto [id, via] = ahead.front();
    ahead.pop_front();
    auto needed = find_task(snapshot, id);
    if (!needed) continue;
    if (visit(id, *needed, via)) push_needs(*needed, via);
  }
}

struct Needed {
  std::string id;
  std::string name;
  std::string via;   // the need that leads to it: itself, if it is one
  std::string text;  // `test (failed)`
  Instant deadline;  // no rerun after that

  bool direct() const { return id == via; }
};

Needed describe(const std::string& id, TaskView& task, const std::string& via) {
  Needed needed{id, str(task.row().getName()), via, {}, Instant{task.row().getDeadline()}};
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
    if (waits) return true;
    (has_failed(needed) ? roots.failed : roots.waiting).push_back(std::move(found));
    return false;
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

// `total`: how many there are, if they are more than `texts`.
std::string list_text(const std::vector<std::string>& texts, std::size_t total = 0) {
  const std::size_t shown = std::min(texts.size(), roots_max);
  total = std::max(total, texts.size());
  const auto end = texts.begin() + static_cast<std::ptrdiff_t>(shown);
  return fmt::format("{}{}", fmt::join(texts.begin(), end, ", "),
                     shown < total ? fmt::format(" and {} more", total - shown) : "");
}

// `blocked by lint (failed), package (unscheduled), which waits for test (failed)`.
// `total`: of the tasks that are waited for directly, if there are more.
std::string blocked_text(const std::vector<Needed>& roots,
                         const std::vector<Needed>& needs,
                         std::size_t total = 0) {
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
  const std::string text = "blocked by " + list_text(blockers, total);
  if (behind.empty()) return text;
  return fmt::format("{}, which wait{} for {}", text, between.size() == 1 ? "s" : "",
                     list_text(behind));
}

std::string schedule_help(TaskView& task) {
  return fmt::format("schedule it: `troupe task schedule {}`", str(task.row().getTaskId()));
}

std::string failure_help(TaskView& task, const Roots& roots, Instant now) {
  const auto may_rerun = [now](const Needed& failed) { return failed.deadline >= now; };
  if (std::ranges::none_of(roots.failed, may_rerun)) {
    return fmt::format("the deadline of {} has passed, so nothing can be rerun; {}",
                       roots.failed.front().name, schedule_help(task));
  }
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
void add_remedy(Sight& sight,
                const std::vector<Needed>& waiting,
                std::string& message,
                std::string& help) {
  for (std::size_t i = 0; i < std::min(waiting.size(), roots_max); ++i) {
    auto root = find_task(sight.snapshot, waiting[i].id);
    if (root->state() == TaskState::RUNNING) continue;
    capnp::MallocMessageBuilder scratch;
    auto explanation = scratch.initRoot<schema::Explanation>();
    explain_task(sight, *root, explanation);
    const auto said = explanation.asReader();
    const std::string code = str(said.getCode());
    if (code != "no-worker" && code != "workers-paused" && code != "not-scheduled") continue;
    message += fmt::format("; {}: {}", waiting[i].name, str(said.getMessage()));
    help = str(said.getHelp());
    return;
  }
}

}  // namespace

void explain_unscheduled(Sight& sight, TaskView& task, Out out) {
  const auto ids = unsatisfied_needs(sight.snapshot, task, blockers_max);
  fill_blockers(sight.snapshot, ids, out);
  const Roots roots = find_roots(sight.snapshot, task);
  if (!roots.failed.empty()) {
    say(out, "blocked-by-failure", blocked_text(roots.failed, roots.needs),
        failure_help(task, roots, sight.now));
  } else if (!roots.waiting.empty()) {
    std::string message = blocked_text(roots.waiting, roots.needs, task.row().getUnsatisfied());
    std::string help;
    add_remedy(sight, roots.waiting, message, help);
    say(out, "blocked", message, help);
  } else if (!ids.empty()) {
    // What it waits for waits for it: others in a circle, or itself.
    const bool itself = ids.size() == 1 && ids.front() == str(task.row().getTaskId());
    say(out, "blocked",
        itself ? "blocked by itself: it is one of its own dependencies"
               : fmt::format("blocked by {}", list_text(ids, task.row().getUnsatisfied())),
        schedule_help(task));
  } else if (task.row().getHeld()) {
    say(out, "not-scheduled", "held until its whole group is created",
        "whoever creates the group releases it at the end");
  } else {
    say(out, "not-scheduled", "not scheduled", schedule_help(task));
  }
}

/// What is looked at for one task.
struct Failures::Walk {
  std::deque<TaskView> ahead;                // that wait themselves
  std::map<std::string, std::string> waits;  // each of them, and who waits for it
};

// Whether the task needs what is known to have failed, or to wait in vain. What it needs besides,
// and is not known yet, goes to the walk.
bool Failures::step(TaskView& task, Walk& walk) {
  const auto needs =
      unsatisfied_needs(snapshot_, task, needs_left_ > 0 ? own_needs_max : needs_max);
  for (const auto& id : needs) {
    const bool may_look = needs_left_ > 0;
    if (may_look) --needs_left_;
    auto known = known_.find(id);
    if (known == known_.end()) {
      auto needed = may_look ? find_task(snapshot_, id) : std::nullopt;
      if (!needed) continue;
      if (needed->state() == TaskState::UNSCHEDULED) {
        const bool anew = walk.waits.emplace(id, str(task.row().getTaskId())).second;
        if (anew) walk.ahead.push_back(std::move(*needed));
        continue;
      }
      known = known_.emplace(id, has_failed(*needed)).first;
    }
    if (known->second) return true;
  }
  return false;
}

bool Failures::block(TaskView& task) {
  const std::string own = str(task.row().getTaskId());
  if (const auto known = known_.find(own); known != known_.end()) return known->second;
  Walk walk;
  walk.waits[own] = "";
  bool failure = step(task, walk);
  std::string blocked = own;
  while (!failure && !walk.ahead.empty()) {
    blocked = str(walk.ahead.front().row().getTaskId());
    failure = step(walk.ahead.front(), walk);
    walk.ahead.pop_front();
  }
  if (failure) {
    // So do all on the way to it.
    for (std::string id = blocked; !id.empty(); id = walk.waits[id]) known_[id] = true;
  } else if (needs_left_ > 0) {
    for (const auto& [id, by] : walk.waits) known_[id] = false;
  }
  return failure;
}

}  // namespace troupe::task
