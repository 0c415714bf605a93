#include "apps/troupe/cli/worker_actions.h"

#include "actors/worker/drain.h"
#include "apps/troupe/cli/output.h"
#include "apps/troupe/cli/resolve.h"
#include "apps/troupe/cli/session.h"
#include "apps/troupe/cli/span.h"
#include "apps/troupe/cli/table.h"
#include "apps/troupe/cli/terminal.h"
#include "apps/troupe/cli/worker_views.h"
#include "runtime/clock/clock.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace troupe::cli {
namespace {

using Details = schema::WorkerDetails::Reader;
using Summary = schema::WorkerSummary::Reader;

constexpr std::size_t info_characters_max = 4000;  // as the contract has it of `quarantineInfo`

struct WorkerName {
  std::string provisioner;
  std::string type;
  std::string group;
  std::string id;
};

Result<WorkerName> find_name(Session& session, const std::string& text) {
  const Result<std::string> whole = resolve_worker(session, text);
  if (!whole.ok()) return whole.error();
  std::vector<std::string> parts(1);
  for (const char c : whole.value()) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return WorkerName{parts[0], parts[1], parts[2], parts[3]};
}

template <class Request>
void fill(Request& request, const WorkerName& name) {
  request.setProvisionerId(name.provisioner);
  request.setWorkerType(name.type);
  request.setWorkerGroup(name.group);
  request.setWorkerId(name.id);
}

using Workers = capnp::Response<schema::Troupe::ListWorkersResults>;

Workers ask_worker(Session& session, const WorkerName& name) {
  auto request = session.troupe().listWorkersRequest();
  request.setTaskQueueId(name.provisioner + "/" + name.type);
  request.setWorkerGroup(name.group);
  request.setWorkerId(name.id);
  return session.wait(request.send());
}

// A server of an earlier version lists others of its queue as well.
std::optional<Summary> find_summary(const Workers& workers, const WorkerName& name) {
  for (const auto worker : workers.getWorkers()) {
    if (name.group == worker.getWorkerGroup().cStr() && name.id == worker.getWorkerId().cStr()) {
      return worker;
    }
  }
  return std::nullopt;
}

/// What holds a worker back beneath its drain: the last quarantine that is none, if it goes on.
struct Beneath {
  Instant until;
  std::string info;
};

std::optional<Beneath> beneath_drain(Summary worker, Instant now) {
  const auto changes = worker.getQuarantines();
  for (unsigned i = changes.size(); i > 0; --i) {
    const auto one = changes[i - 1];
    const Instant until{one.getQuarantineUntil()};
    const std::string info = one.getQuarantineInfo().cStr();
    if (worker::drain_reason(Instant{one.getUpdatedAt()}, until, info)) continue;
    if (until <= now) return std::nullopt;
    return Beneath{until, info};
  }
  return std::nullopt;
}

// `info`: the reason as it is kept.
Status check_reason(const std::string& reason, const std::string& info) {
  const std::size_t length = text_width(reason);
  const std::size_t most = info_characters_max - (text_width(info) - length);
  if (length <= most) return Done{};
  return Error{Errc::invalid, fmt::format("--reason: at most {} characters, not {}", most, length)};
}

int print_answer(const GlobalOptions& global, Details worker, const std::string& said) {
  if (global.json) {
    print_line(to_json(worker));
  } else {
    print_line(said);
  }
  return exit_done;
}

/// A change of a quarantine, and what is said of it then.
struct Change {
  Instant until;  // none: nothing is changed
  std::string info;
  std::string said;
};

Result<int> leave_as_it_is(const GlobalOptions& global,
                           Session& session,
                           const WorkerName& name,
                           const std::string& said) {
  auto request = session.queue().getWorkerRequest();
  fill(request, name);
  const auto answer = session.wait(request.send());
  if (global.json) print_line(to_json(answer));
  print_note(said);
  return int{exit_done};
}

// `decide(summary)` says what to change; there is no summary of a worker that lists do not show.
template <class Decide>
int set_quarantine(const GlobalOptions& global, const std::string& worker, const Decide& decide) {
  return with_session(global, [&](Session& session) -> Result<int> {
    const Result<WorkerName> name = find_name(session, worker);
    if (!name.ok()) return name.error();
    const Workers workers = ask_worker(session, name.value());
    const Result<Change> change = decide(find_summary(workers, name.value()));
    if (!change.ok()) return change.error();
    const std::string said = name.value().group + "/" + name.value().id + " " + change.value().said;
    if (!change.value().until) return leave_as_it_is(global, session, name.value(), said);
    auto request = session.queue().quarantineWorkerRequest();
    fill(request, name.value());
    auto wanted = request.initRequest();
    wanted.setQuarantineUntil(change.value().until.ms);
    wanted.setQuarantineInfo(change.value().info);
    const auto answer = session.wait(request.send());
    return print_answer(global, answer, said);
  });
}

}  // namespace

int worker_show(const GlobalOptions& global, const std::string& worker) {
  return with_session(global, [&](Session& session) -> Result<int> {
    const Result<WorkerName> name = find_name(session, worker);
    if (!name.ok()) return name.error();
    auto request = session.queue().getWorkerRequest();
    fill(request, name.value());
    const auto details = session.wait(request.send());
    const Workers workers = ask_worker(session, name.value());
    const auto summary = find_summary(workers, name.value());
    if (!summary) return Error{Errc::not_found, "worker " + worker + " has expired meanwhile"};
    if (global.json) {
      print_line(worker_json(details, *summary));
    } else {
      print_out(render_worker(details, *summary, wall_now(), layout_of_stdout()));
    }
    return int{exit_done};
  });
}

int worker_quarantine(const GlobalOptions& global, const QuarantineOptions& options) {
  const auto end = end_of_span("--for", options.duration, "2h or 1d", wall_now());
  if (!end.ok()) return report(end.error());
  const Instant until = end.value();
  const Status reason = check_reason(options.reason, options.reason);
  if (!reason.ok()) return report(reason.error());
  return set_quarantine(
      global, options.worker, [&](const std::optional<Summary>& worker) -> Result<Change> {
        if (worker && worker->getDrained()) {
          return Error{Errc::conflict, options.worker +
                                           " is drained, and gets no tasks until it is resumed: a "
                                           "quarantine would end that; `troupe worker resume " +
                                           options.worker + "` first"};
        }
        return Change{until, options.reason, "gets no tasks until " + format_time(until)};
      });
}

int worker_drain(const GlobalOptions& global, const std::string& name, const std::string& reason) {
  const Instant now = wall_now();
  const Status short_enough = check_reason(reason, worker::drain_info(reason));
  if (!short_enough.ok()) return report(short_enough.error());
  return set_quarantine(global, name, [&](const std::optional<Summary>& worker) -> Result<Change> {
    std::string said = "gets no tasks until `troupe worker resume`; what it runs goes on";
    const auto beneath = worker ? beneath_drain(*worker, now) : std::nullopt;
    if (beneath) {
      said += "; its quarantine until " + format_time(beneath->until) + " stays beneath that";
    }
    return Change{worker::drained_until(now), worker::drain_info(reason), said};
  });
}

int worker_resume(const GlobalOptions& global, const std::string& name) {
  const Instant now = wall_now();
  return set_quarantine(global, name, [&](const std::optional<Summary>& worker) -> Result<Change> {
    const auto beneath =
        worker && worker->getDrained() ? beneath_drain(*worker, now) : std::nullopt;
    if (worker && worker->getQuarantineUntil() == 0) {
      return Change{{}, {}, "is neither drained nor in quarantine, nothing resumed"};
    }
    if (!beneath) return Change{now, {}, "gets tasks again"};
    return Change{beneath->until, beneath->info,
                  "is no longer drained, but in quarantine until " + format_time(beneath->until) +
                      ", as before: once more `troupe worker resume " + name + "` ends that"};
  });
}

}  // namespace troupe::cli
