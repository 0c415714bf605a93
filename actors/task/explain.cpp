#include "actors/task/explain.h"

#include "actors/task/queries.h"
#include "actors/task_group/queries.h"
#include "actors/task_queue/queries.h"
#include "actors/worker/queries.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace troupe::task {
namespace {

using schema::TaskState;
using Out = schema::Explanation::Builder;

constexpr std::size_t blockers_max = 20;
constexpr std::size_t ahead_max = 10'000;
constexpr std::size_t members_max = 10'000;

void say(Out out, const char* code, const std::string& message, const std::string& help) {
  out.setCode(code);
  out.setMessage(text(message));
  out.setHelp(text(help));
}

void explain_no_worker(const Snapshot& snapshot, const std::string& queue, Out out) {
  const auto others = worker::staffed_queues(snapshot);
  const std::string where = others.empty()
                                ? "no worker is connected at all"
                                : fmt::format("queues with workers: {}", fmt::join(others, ", "));
  say(out, "no-worker", fmt::format("no worker serves {} ({})", queue, where),
      fmt::format("start one: troupe worker --join ADDR --pool {}", queue));
}

void explain_pending(const Snapshot& snapshot, TaskView& task, Out out) {
  const auto row = task.row();
  const std::string queue_id = str(row.getTaskQueueId());
  const auto staff = worker::staffing(snapshot, queue_id);
  out.setWorkers(static_cast<std::int64_t>(staff.connected));
  std::size_t ahead = 0;
  if (const auto queue = task_queue::find_queue(snapshot, queue_id)) {
    const auto runs = row.getRuns();
    const auto key =
        task_queue::make_entry_key(row.getPriority(), runs[runs.size() - 1].getEntry());
    ahead = task_queue::count_ahead(snapshot, *queue, key, ahead_max);
    out.setAhead(static_cast<std::int64_t>(ahead));
  }
  if (staff.connected == 0 && staff.away > 0) {
    say(out, "workers-busy",
        fmt::format("{} worker{} away, with tasks: reconnecting, or given up after worker.lease",
                    staff.away, staff.away == 1 ? "" : "s"),
        "");
  } else if (staff.connected == 0) {
    explain_no_worker(snapshot, queue_id, out);
  } else if (staff.busy == staff.connected) {
    say(out, "workers-busy",
        fmt::format("{} ahead, {} worker{} busy", ahead, staff.busy, staff.busy == 1 ? "" : "s"),
        fmt::format("wait, or start another worker on {}", queue_id));
  } else if (ahead > 0) {
    say(out, "workers-busy", fmt::format("{} ahead in {}", ahead, queue_id), "");
  } else {
    say(out, "", "about to start", "");
  }
}

struct Blocked {
  std::vector<std::string> waiting;  // names
  std::vector<std::string> failed;   // names with their end
};

// Names the tasks that this one waits for; a failed one will not satisfy it by itself.
Blocked read_blockers(const Snapshot& snapshot, TaskView& task, Out out) {
  Blocked blocked;
  const auto ids = unsatisfied_needs(snapshot, task, blockers_max);
  auto blockers = out.initBlockers(static_cast<unsigned>(ids.size()));
  for (unsigned i = 0; i < blockers.size(); ++i) {
    blockers[i].setTaskId(text(ids[i]));
    auto required = find_task(snapshot, ids[i]);
    if (!required) {
      blocked.waiting.push_back(ids[i]);
      continue;
    }
    const std::string name = str(required->row().getName());
    const TaskState state = required->state();
    blockers[i].setName(text(name));
    blockers[i].setState(state);
    const auto runs = required->row().getRuns();
    if (runs.size() > 0) blockers[i].setReason(runs[runs.size() - 1].getReasonResolved());
    const bool ended = state == TaskState::FAILED || state == TaskState::EXCEPTION;
    if (ended) {
      const auto reason = runs[runs.size() - 1].getReasonResolved();
      blocked.failed.push_back(fmt::format("{} ({})", name, enum_name(reason)));
    } else {
      blocked.waiting.push_back(fmt::format("{} ({})", name, enum_name(state)));
    }
  }
  return blocked;
}

void explain_unscheduled(const Snapshot& snapshot, TaskView& task, Out out) {
  const Blocked blocked = read_blockers(snapshot, task, out);
  if (!blocked.failed.empty()) {
    say(out, "blocked-by-failure", fmt::format("blocked by {}", fmt::join(blocked.failed, ", ")),
        "rerun what failed, or schedule this task by hand");
  } else if (!blocked.waiting.empty()) {
    say(out, "blocked", fmt::format("blocked by {}", fmt::join(blocked.waiting, ", ")), "");
  } else if (task.row().getHeld()) {
    say(out, "not-scheduled", "held until its whole group is created",
        "whoever creates the group releases it at the end");
  } else {
    say(out, "not-scheduled", "not scheduled", "schedule it: troupe task schedule");
  }
}

void explain_task(const Snapshot& snapshot, TaskView& task, Instant now, Out out) {
  const TaskState state = task.state();
  const bool open = state == TaskState::UNSCHEDULED || state == TaskState::PENDING;
  if (open && Instant{task.row().getDeadline()} < now) {
    say(out, "deadline", "its deadline has passed", "create it anew with a later deadline");
    return;
  }
  if (state == TaskState::UNSCHEDULED) return explain_unscheduled(snapshot, task, out);
  if (state == TaskState::PENDING) return explain_pending(snapshot, task, out);
  const auto runs = task.row().getRuns();
  const auto last = runs[runs.size() - 1];
  if (state == TaskState::RUNNING) {
    say(out, "",
        fmt::format("running on {}/{} for {}", view(last.getWorkerGroup()),
                    view(last.getWorkerId()), format_duration(now - Instant{last.getStarted()})),
        "");
    return;
  }
  const std::string name = enum_name(last.getReasonResolved());
  const bool has_log = state != TaskState::COMPLETED && last.getStarted() != 0;
  say(out, "", fmt::format("ended: {}", name), has_log ? "see its log" : "");
}

// How much a member's state tells about the group: what runs says more than what is blocked.
int interest(TaskState state) {
  switch (state) {
    case TaskState::RUNNING: return 3;
    case TaskState::PENDING: return 2;
    case TaskState::UNSCHEDULED: return 1;
    case TaskState::COMPLETED:
    case TaskState::FAILED:
    case TaskState::EXCEPTION: return 0;
  }
  return 0;
}

void explain_group(const Snapshot& snapshot,
                   const task_group::GroupView& group,
                   Instant now,
                   Out out) {
  std::string next;
  std::optional<std::string> best;
  int most = 0;
  std::size_t running = 0;
  for (const auto& id : task_group::list_members(snapshot, group, Page{members_max, ""}, next)) {
    auto task = find_task(snapshot, id);
    if (!task) continue;
    const int worth = interest(task->state());
    running += worth == 3 ? 1 : 0;
    if (worth <= most) continue;
    most = worth;
    best = id;
  }
  if (!best) return say(out, "", "all of its tasks have ended", "");
  if (most == 3) return say(out, "", fmt::format("{} running", running), "");
  auto task = find_task(snapshot, *best);
  const std::string name = str(task->row().getName());
  explain_task(snapshot, *task, now, out);
  out.setMessage(text(name + ": " + str(out.asReader().getMessage())));
}

void explain_queue(const Snapshot& snapshot, const std::string& id, Out out) {
  const auto queue = task_queue::find_queue(snapshot, id);
  const std::uint64_t pending = queue ? queue->pending : 0;
  const auto staff = worker::staffing(snapshot, id);
  out.setWorkers(static_cast<std::int64_t>(staff.connected));
  if (staff.connected == 0) return explain_no_worker(snapshot, id, out);
  const std::string figures =
      fmt::format("{} pending, {} running, {} worker{}", pending, staff.claims, staff.connected,
                  staff.connected == 1 ? "" : "s");
  const bool busy = pending > 0 && staff.busy == staff.connected;
  say(out, busy ? "workers-busy" : "", figures, busy ? "wait, or start another worker" : "");
}

void explain_worker(const worker::WorkerState& worker, Instant now, Out out) {
  if (worker.session != 0) {
    say(out, "", fmt::format("connected, runs {} of {}", worker.claims.size(), worker.capacity),
        "");
    return;
  }
  say(out, "no-worker",
      fmt::format("not connected for {}", format_duration(now - worker.last_active)),
      "start it again on " + worker.host);
}

}  // namespace

Status explain(const Snapshot& snapshot, const std::string& subject, Instant now, Out out) {
  out.setSubject(text(subject));
  if (auto task = find_task(snapshot, subject)) {
    explain_task(snapshot, *task, now, out);
    return Done{};
  }
  if (const auto group = task_group::find_group(snapshot, subject)) {
    explain_group(snapshot, *group, now, out);
    return Done{};
  }
  const auto slashes = std::ranges::count(subject, '/');
  if (slashes == 1) {
    explain_queue(snapshot, subject, out);
    return Done{};
  }
  if (slashes == 3) {
    const std::string queue = subject.substr(0, subject.find('/', subject.find('/') + 1));
    std::string next;
    for (const auto& w : worker::list_workers(snapshot, queue, Page{}, next)) {
      if (w.task_queue_id + "/" + w.worker_group + "/" + w.worker_id != subject) continue;
      explain_worker(w, now, out);
      return Done{};
    }
  }
  return Error{Errc::not_found,
               "no task, task group, queue or worker is called \"" + subject + "\""};
}

}  // namespace troupe::task
