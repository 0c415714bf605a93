#include "apps/troupe/cli/worker_views.h"

#include "actors/worker/drain.h"
#include "apps/troupe/cli/figures.h"
#include "runtime/clock/clock.h"
#include "runtime/transcode/json.h"

#include <fmt/format.h>

namespace troupe::cli {
namespace {

using Summary = schema::WorkerSummary::Reader;

std::string or_dash(capnp::Text::Reader text) {
  return text.size() > 0 ? std::string(text.cStr()) : "-";
}

Cell state_of(Summary worker) {
  if (worker.getDrained()) return {"drained", Colour::yellow};
  if (worker.getQuarantineUntil() != 0) return {"quarantine", Colour::yellow};
  if (worker.getPause().size() > 0) return {"paused", Colour::yellow};
  if (!worker.getConnected()) return {"away", Colour::yellow};
  return {worker.getPolls() ? "http" : "connected", Colour::green};
}

// One that asks over HTTP says neither how many it takes nor of what machine it is.
std::string busy_of(Summary worker) {
  return fmt::format("{}/{}", worker.getClaims().size(),
                     worker.getCapacity() > 0 ? std::to_string(worker.getCapacity()) : "-");
}

std::string offers_of(Summary worker) {
  return worker.getResources().size() > 0 ? worker.getResources().cStr() : "any";
}

std::string name_of(Summary worker) {
  return std::string(worker.getWorkerGroup().cStr()) + "/" + worker.getWorkerId().cStr();
}

std::vector<Cell> worker_row(Summary worker, Instant now) {
  return {worker.getTaskQueueId().cStr(),
          name_of(worker),
          state_of(worker),
          busy_of(worker),
          offers_of(worker),
          relative_time(Instant{worker.getLastDateActive()}, now),
          or_dash(worker.getVersion()),
          or_dash(worker.getHost()),
          or_dash(worker.getPause())};
}

std::string render_quarantines(Summary worker, const Layout& layout) {
  Table table({"QUARANTINE SINCE", "UNTIL", "BY", "WHY"});
  const auto changes = worker.getQuarantines();
  for (unsigned i = changes.size(); i > 0; --i) {
    const auto one = changes[i - 1];
    const Instant updated{one.getUpdatedAt()};
    const Instant until{one.getQuarantineUntil()};
    std::string info = one.getQuarantineInfo().cStr();
    const auto drained = worker::drain_reason(updated, until, info);
    if (info == worker::no_reason) info = "-";
    table.add({format_time(updated),
               drained           ? "resumed (drained)"
               : until > updated ? format_time(until)
                                 : "ended",
               one.getClientId().cStr(), drained && !drained->empty() ? *drained : info});
  }
  return table.size() > 0 ? "\n" + table.render(layout) : "";
}

std::string render_runs(const char* title,
                        capnp::List<schema::TaskRun>::Reader runs,
                        const Layout& layout) {
  Table table({title, ">RUN"});
  for (unsigned i = runs.size(); i > 0; --i) {
    table.add({runs[i - 1].getTaskId().cStr(), std::to_string(runs[i - 1].getRunId())});
  }
  return table.size() > 0 ? "\n" + table.render(layout) : "";
}

}  // namespace

Listing worker_listing(bool json) {
  return {json,
          "workers",
          {"QUEUE", "WORKER", "STATE", "BUSY", "OFFERS", "ACTIVE", "VERSION", "HOST", "WHY"}};
}

void add_worker(Listing& listing, Summary worker) {
  listing.add([&worker] { return to_json(worker); },
              [&worker] { return worker_row(worker, wall_now()); });
}

std::string render_worker(schema::WorkerDetails::Reader details,
                          Summary worker,
                          Instant now,
                          const Layout& layout) {
  const auto when = [now](std::int64_t ms) { return relative_time(Instant{ms}, now); };
  std::string text;
  const auto line = [&text](const char* name, const std::string& value) {
    text += fmt::format("{:<12} {}\n", name, harmless(value));
  };
  line("worker:", worker.getTaskQueueId().cStr() + ("/" + name_of(worker)));
  line("state:", state_of(worker).text +
                     (worker.getPolls() ? ": it asks over HTTP, and says little of itself" : ""));
  line("busy:", busy_of(worker));
  line("offers:", offers_of(worker));
  line("host:", or_dash(worker.getHost()));
  line("version:", or_dash(worker.getVersion()));
  line("first claim:", when(details.getFirstClaim()));
  line("last active:", when(worker.getLastDateActive()));
  line("expires:", when(details.getExpires()));
  const Instant until{worker.getQuarantineUntil()};
  line("quarantine:", worker.getDrained() ? "drained, until it is resumed"
                      : until             ? "until " + format_time(until)
                                          : "none");
  line("takes none:", or_dash(worker.getPause()));
  text += render_runs("RUNS NOW", worker.getClaims(), layout);
  text += render_quarantines(worker, layout);
  text += render_runs("LATEST TASKS", details.getRecentTasks(), layout);
  return text;
}

std::string worker_json(schema::WorkerDetails::Reader details, Summary summary) {
  std::string json = to_json(details);
  json.pop_back();  // the end of the object, which has members that are required
  return json + ",\"summary\":" + to_json(summary) + "}";
}

}  // namespace troupe::cli
