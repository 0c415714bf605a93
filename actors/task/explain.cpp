#include "actors/task/explain.h"

#include "actors/task/explain_group.h"
#include "actors/task/explain_queue.h"
#include "actors/task/explain_task.h"
#include "runtime/base/counted.h"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::task {
namespace {

using Out = schema::Explanation::Builder;

void explain_worker(const worker::WorkerState& worker, Instant now, Out out) {
  const std::string runs = fmt::format("runs {} of {}", worker.claims.size(), worker.capacity);
  const std::string state = worker.session != 0
                                ? "connected, " + runs
                                : fmt::format("asks over HTTP, runs {}", worker.claims.size());
  const std::string pause = worker::pause_of(worker, now);
  if (worker.is_there(now) && pause.empty()) return say(out, "", state, "");
  if (worker.is_there(now)) {
    return say(out, "workers-paused", fmt::format("{}, takes no more: {}", state, pause), "");
  }
  const Instant since = worker.away_since ? worker.away_since : worker.last_active;
  const std::string lease =
      worker.lease_until
          ? fmt::format(", its {} run again at {}, when its lease ends",
                        counted(worker.claims.size(), "task"), format_time(worker.lease_until))
          : "";
  say(out, "no-worker",
      fmt::format("not connected for {}{}", format_duration(std::max(Duration{0}, now - since)),
                  lease),
      worker.host.empty() ? "start it again" : "start it again on " + worker.host);
}

}  // namespace

Status explain(const Snapshot& snapshot, const std::string& subject, Instant now, Out out) {
  out.setSubject(text(subject));
  if (auto task = find_task(snapshot, subject)) {
    Sight sight(snapshot, now);
    explain_task(sight, *task, out);
    return Done{};
  }
  if (const auto group = task_group::find_group(snapshot, subject)) {
    explain_group(snapshot, *group, now, out);
    return Done{};
  }
  const auto slashes = std::ranges::count(subject, '/');
  if (slashes == 1) {
    explain_queue(snapshot, subject, now, out);
    return Done{};
  }
  if (slashes == 3) {
    const auto group = subject.find('/', subject.find('/') + 1) + 1;
    const auto id = subject.find('/', group) + 1;
    const auto worker =
        worker::find_worker(snapshot, subject.substr(0, group - 1),
                            subject.substr(group, id - 1 - group), subject.substr(id));
    if (worker) {
      explain_worker(*worker, now, out);
      return Done{};
    }
  }
  return Error{Errc::not_found,
               "no task, task group, queue or worker is called \"" + subject + "\""};
}

}  // namespace troupe::task
