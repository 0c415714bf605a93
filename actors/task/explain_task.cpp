#include "actors/task/explain_task.h"

#include "actors/task/explain_blocked.h"
#include "actors/task/explain_pending.h"
#include "runtime/base/counted.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace troupe::task {
namespace {

using schema::TaskState;
using Out = schema::Explanation::Builder;

void explain_running(const Sight& sight, TaskView& task, Out out) {
  const Instant now = sight.now;
  const auto runs = task.row().getRuns();
  const auto run = runs[runs.size() - 1];
  const std::string name = str(run.getWorkerGroup()) + "/" + str(run.getWorkerId());
  const auto away = find_away_worker(sight.snapshot, task);
  if (!away) {
    const Instant until{run.getTakenUntil()};
    const std::string overdue =
        until && until < now ? ", its claim has run out: the run is about to be ended" : "";
    return say(out, "",
               fmt::format("running on {} for {}{}", name,
                           format_duration(now - Instant{run.getStarted()}), overdue),
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

void explain_no_worker(Sight& sight, const std::string& queue, Out out) {
  const auto& others = sight.staffed_queues();
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
  if (worker->timed.contains(claim->first)) return std::nullopt;  // no connection holds it
  return worker;
}

void explain_task(Sight& sight, TaskView& task, Out out) {
  const TaskState state = task.state();
  if (is_overdue(task, sight.now)) {
    say(out, "deadline", "its deadline has passed", "create it anew with a later deadline");
    return;
  }
  if (state == TaskState::UNSCHEDULED) return explain_unscheduled(sight, task, out);
  if (state == TaskState::PENDING) return explain_pending(sight, task, out);
  if (state == TaskState::RUNNING) return explain_running(sight, task, out);
  const auto runs = task.row().getRuns();
  const auto last = runs[runs.size() - 1];
  const std::string name = enum_name(last.getReasonResolved());
  const bool has_log = state != TaskState::COMPLETED && last.getStarted() != 0;
  say(out, "", fmt::format("ended: {}", name), has_log ? "see its log" : "");
}

}  // namespace troupe::task
