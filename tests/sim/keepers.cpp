#include "tests/sim/keepers.h"

#include "actors/kinds.h"
#include "actors/worker/queries.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace troupe::sim {
namespace {

constexpr std::uint64_t quarantine_ms = 30'000;
constexpr std::uint64_t declared_ms = 600'000;

// Workers with a connection, one without, and two that never come.
const std::vector<std::string> workers{
    "local/default/g/a",    "local/default/g/b", "local/other/g/a", "far/away/h/c",
    "local/default/http/p", "local/other/g/d",   "far/away/h/d",
};

std::optional<worker::WorkerState> find(Host& host, const std::string& key) {
  const auto id = key.rfind('/');
  const auto group = key.rfind('/', id - 1);
  return worker::find_worker(*host.snapshot(), key.substr(0, group),
                             key.substr(group + 1, id - group - 1), key.substr(id + 1));
}

}  // namespace

void Keepers::act(Speaker& world) {
  Command said;
  said.to = worker_id(world.any_of(workers));
  const auto what = below(world.random(), 4);
  const auto span = [&world](std::uint64_t most_ms) {
    return Duration{1 + static_cast<std::int64_t>(below(world.random(), most_ms))};
  };
  using Builder = schema::WorkerMessage::Builder;
  if (what < 2) {
    said.verb = Verb::declare;
    said.until = world.now() + (world.one_in(8) ? -span(declared_ms) : span(declared_ms));
    said.body = build<schema::WorkerMessage>([&said](Builder m) { m.setDeclare(said.until.ms); });
  } else {
    said.verb = Verb::quarantine;
    said.until = world.now() + (what == 2 ? span(quarantine_ms) : -span(quarantine_ms));
    said.body = build<schema::WorkerMessage>([&said](Builder m) {
      auto change = m.initQuarantine();
      change.setClientId("keeper");
      change.setQuarantineUntil(said.until.ms);
    });
  }
  world.say(std::move(said), world.new_wire());
}

void Keepers::answered(Speaker& world,
                       const Command& said,
                       const Result<Bytes>& answer,
                       Host& host) {
  if (said.verb != Verb::declare && said.verb != Verb::quarantine) return;
  const std::string what = "worker " + said.to.key + ": ";
  Model& model = world.model();
  const auto known = declared_.find(said.to.key);
  if (!answer.ok()) {
    const auto code = answer.error().code;
    const bool there = known != declared_.end() && known->second > model.latest();
    const bool possible = is_retryable(code) ||
                          (code == Errc::invalid && said.until <= model.latest() && !there) ||
                          (code == Errc::not_found && !there);
    if (!possible) model.violation(what + "refused: " + answer.error().detail);
    return;
  }
  if (said.verb == Verb::quarantine) return;
  Instant& until = declared_[said.to.key];
  until = std::max(until, said.until);
  if (until <= model.latest()) return;
  const auto record = find(host, said.to.key);
  if (!record || !record->has_record() || record->expires_at(model.now()) < until) {
    model.violation(what + "was declared, not so on disk");
  }
}

void Keepers::removed(Speaker& world, const std::string& worker) {
  const auto known = declared_.find(worker);
  if (known == declared_.end()) return;
  if (world.model().latest() < known->second + world.model().terms().expiration_delay) {
    world.model().violation("worker " + worker + ": its record is removed too early");
  }
}

}  // namespace troupe::sim
