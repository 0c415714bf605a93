#include "actors/task/explain_task.h"

#include "actors/task/explain_blocked.h"
#include "actors/task_queue/queries.h"
#include "runtime/base/counted.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace troupe::task {
namespace {

using schema::TaskState;
using Out = schema::Explanation::Builder;

constexpr std::size_t ahead_max = 10'000;

// Why one of the connected workers does not take it now.
void explain_connected(const worker::Staffing& staff,
                       const std::string& queue,
                       std::size_t ahead,
                       Out out) {
  const std::string paused = paused_text(staff);
  if (staff.paused == staff.connected) {
    say(out, "workers-paused", paused,
        fmt::format("see to what it says, or start another worker on {}", queue));
  } else if (staff.busy + staff.paused == staff.connected) {
    say(out, "workers-busy",
        fmt::format("{} ahead, {} busy{}{}", ahead, counted(staff.busy, "worker"),
                    paused.empty() ? "" : ", ", paused),
        fmt::format("wait, or start another worker on {}", queue));
  } else if (ahead > 0) {
    say(out, "workers-busy", fmt::format("{} ahead in {}", ahead, queue), "");
  } else {
    say(out, "", "about to start", "");
  }
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
        fmt::format("{} away, with tasks: reconnecting, or given up after worker.lease",
                    counted(staff.away, "worker")),
        "");
  } else if (staff.connected == 0) {
    explain_no_worker(snapshot, queue_id, out);
  } else {
    explain_connected(staff, queue_id, ahead, out);
  }
}

void explain_running(const Snapshot& snapshot, TaskView& task, Instant now, Out out) {
  const auto runs = task.row().getRuns();
  const auto run = runs[runs.size() - 1];
  const std::string name = str(run.getWorkerGroup()) + "/" + str(run.getWorkerId());
  const auto away = find_away_worker(snapshot, task);
  if (!away) {
    return say(
        out, "",
        fmt::format("running on {} for {}", name, format_duration(now - Instant{run.getStarted()})),
        "");
  }
  const Instant since = away->away_since ? away->away_since : away->last_active;
  const std::string end =
      task.row().getRetriesLeft() > 0
          ? "the run is retried"
          : "the task ends as exception (worker-shutdown), as it has no retries";
  const std::string when = away->lease_until
                               ? " at " + format_time(away->lease_until) + ", when its lease ends"
                               : " now";
  say(out, "no-worker",
      fmt::format("its worker {} has been away for {}; unless it comes back, {}{}", name,
                  format_duration(std::max(Duration{0}, now - since)), end, when),
      "wait, or start the worker again on " + away->host);
}

}  // namespace

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

std::string paused_text(const worker::Staffing& staff) {
  if (staff.paused == 0) return {};
  return fmt::format("{} paused, {}{}: {}", counted(staff.paused, "worker"),
                     staff.paused == 1 ? "" : "such as ", staff.pauser, staff.pause);
}

bool is_overdue(TaskView& task, Instant now) {
  const TaskState state = task.state();
  const bool open = state == TaskState::UNSCHEDULED || state == TaskState::PENDING;
  return open && Instant{task.row().getDeadline()} < now;
}

std::optional<worker::WorkerState> find_away_worker(const Snapshot& snapshot, TaskView& task) {
  const auto runs = task.row().getRuns();
  const auto run = runs[runs.size() - 1];
  auto worker = worker::find_worker(snapshot, str(task.row().getTaskQueueId()),
                                    str(run.getWorkerGroup()), str(run.getWorkerId()));
  if (!worker || worker->session != 0) return std::nullopt;
  const auto claim = worker->claims.find({str(task.row().getTaskId()), runs.size() - 1});
  if (claim == worker->claims.end() || claim->second != run.getToken()) return std::nullopt;
  return worker;
}

void explain_task(const Snapshot& snapshot, TaskView& task, Instant now, Out out) {
  const TaskState state = task.state();
  if (is_overdue(task, now)) {
    say(out, "deadline", "its deadline has passed", "create it anew with a later deadline");
    return;
  }
  if (state == TaskState::UNSCHEDULED) return explain_unscheduled(snapshot, task, now, out);
  if (state == TaskState::PENDING) return explain_pending(snapshot, task, out);
  if (state == TaskState::RUNNING) return explain_running(snapshot, task, now, out);
  const auto runs = task.row().getRuns();
  const auto last = runs[runs.size() - 1];
  const std::string name = enum_name(last.getReasonResolved());
  const bool has_log = state != TaskState::COMPLETED && last.getStarted() != 0;
  say(out, "", fmt::format("ended: {}", name), has_log ? "see its log" : "");
}

}  // namespace troupe::task
