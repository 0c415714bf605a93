#include "actors/task/explain.h"

#include "actors/task/explain_group.h"
#include "actors/task/explain_task.h"
#include "actors/task_queue/queries.h"
#include "runtime/base/counted.h"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::task {
namespace {

using Out = schema::Explanation::Builder;

void explain_queue(const Snapshot& snapshot, const std::string& id, Out out) {
  const auto queue = task_queue::find_queue(snapshot, id);
  const std::uint64_t pending = queue ? queue->pending : 0;
  const auto staff = worker::staffing(snapshot, id);
  out.setWorkers(static_cast<std::int64_t>(staff.connected));
  if (staff.connected == 0) return explain_no_worker(snapshot, id, out);
  const std::string figures = fmt::format("{} pending, {} running, {}", pending, staff.claims,
                                          counted(staff.connected, "worker"));
  if (staff.paused == staff.connected) {
    return say(out, "workers-paused", figures + "; " + paused_text(staff),
               "see to what it says, or start another worker");
  }
  const bool busy = pending > 0 && staff.busy + staff.paused == staff.connected;
  const std::string paused = staff.paused > 0 ? "; " + paused_text(staff) : "";
  say(out, busy ? "workers-busy" : "", figures + paused,
      busy ? "wait, or start another worker" : "");
}

void explain_worker(const worker::WorkerState& worker, Instant now, Out out) {
  const std::string runs = fmt::format("runs {} of {}", worker.claims.size(), worker.capacity);
  if (!worker.pause.empty()) {
    return say(out, "workers-paused",
               fmt::format("connected, {}, takes no more: {}", runs, worker.pause), "");
  }
  if (worker.session != 0) return say(out, "", "connected, " + runs, "");
  const Instant since = worker.away_since ? worker.away_since : worker.last_active;
  const std::string lease =
      worker.lease_until
          ? fmt::format(", its {} run again at {}, when its lease ends",
                        counted(worker.claims.size(), "task"), format_time(worker.lease_until))
          : "";
  say(out, "no-worker",
      fmt::format("not connected for {}{}", format_duration(std::max(Duration{0}, now - since)),
                  lease),
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
