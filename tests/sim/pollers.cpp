#include "tests/sim/pollers.h"

#include "actors/kinds.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"
#include "tests/actors/support/queue_messages.h"

#include <algorithm>
#include <iterator>

namespace troupe::sim {
namespace {

constexpr std::size_t work_max = 3;
constexpr int first_index = 100;  // other workers have smaller ones

const std::vector<test::Report> reports{
    {Outcome::COMPLETED, Reason::NONE},
    {Outcome::COMPLETED, Reason::NONE},
    {Outcome::FAILED, Reason::NONE},
    {Outcome::EXCEPTION, Reason::WORKER_SHUTDOWN},
    {Outcome::EXCEPTION, Reason::INTERMITTENT_TASK},
};

std::vector<test::Held> read_claims(const Bytes& answer) {
  Stored<schema::ClaimWorkAnswer> stored(answer);
  std::vector<test::Held> claims;
  for (const auto claim : stored.get().getClaims()) {
    claims.push_back({str(claim.getTaskId()), claim.getRunId(), claim.getToken()});
  }
  return claims;
}

}  // namespace

void Pollers::start(Speaker&) {
  for (const char* queue : {"local/default", "local/other"}) {
    Poller poller;
    poller.index = first_index + static_cast<int>(pollers_.size());
    poller.queue = queue;
    poller.name = "http/p";
    pollers_.push_back(std::move(poller));
  }
}

Command Pollers::command(const Poller& poller, Verb verb, ActorId to, Bytes body) {
  Command made;
  made.verb = verb;
  made.to = std::move(to);
  made.body = std::move(body);
  made.worker = poller.index;
  made.poller = true;
  made.session = poller.request;
  return made;
}

void Pollers::act(Speaker& world) {
  Poller& poller = pollers_[below(world.random(), pollers_.size())];
  if (poller.request != 0 && world.one_in(4)) {
    stop(world, poller);
  } else if (poller.request == 0 && poller.work.size() < work_max && world.one_in(2)) {
    ask(world, poller);
  } else {
    report(world, poller);
  }
}

bool Pollers::wind_up(Speaker& world) {
  bool busy = false;
  for (Poller& poller : pollers_) {
    if (poller.request != 0) stop(world, poller);
    report(world, poller);
    busy = busy || poller.request != 0 || !poller.work.empty();
  }
  return busy;
}

void Pollers::ask(Speaker& world, Poller& poller) {
  poller.request = world.random()() | 1;
  poller.stopping = false;
  const bool again = !poller.request_id.empty() && world.one_in(3);
  if (!again) {
    poller.request_id = world.one_in(2) ? "R" + std::to_string(poller.request) : "";
  }
  const auto tasks = static_cast<std::uint32_t>(1 + below(world.random(), work_max));
  world.say(command(poller, Verb::claim_work, task_queue_id(poller.queue),
                    test::claim_work({poller.name, poller.request, tasks, poller.request_id})),
            poller.request);
}

void Pollers::stop(Speaker& world, Poller& poller) {
  if (std::exchange(poller.stopping, true)) return;
  world.say(command(poller, Verb::stop_waiting, task_queue_id(poller.queue),
                    test::stop_waiting(poller.request)),
            poller.request);
}

void Pollers::report(Speaker& world, Poller& poller) {
  for (auto& [run, work] : poller.work) {
    if (work.asking) continue;
    Command said = command(poller, Verb::resolve, task_id(run.first), {});
    said.claim.run = run.second;
    said.claim.token = work.token;
    said.report = world.any_of(reports);
    said.body = test::resolve(said.claim, said.report);
    work.asking = true;
    world.say(std::move(said), world.new_wire());
    return;
  }
}

void Pollers::answered(Speaker& world, const Command& said, const Result<Bytes>& answer) {
  Poller& poller = pollers_[static_cast<std::size_t>(said.worker - first_index)];
  if (said.verb == Verb::claim_work) {
    if (answer.ok()) take_claims(world, poller, said, answer.value());
    if (said.session == poller.request) poller.request = 0;
  } else if (said.verb == Verb::stop_waiting) {
    // It may have overtaken the request, whose answer then comes some day, to be worked on.
    if (said.session == poller.request) poller.request = 0;
  } else if (!answer.ok() && is_retryable(answer.error().code)) {
    const auto work = poller.work.find({said.to.key, said.claim.run});
    if (work != poller.work.end()) work->second.asking = false;
  } else {
    poller.work.erase({said.to.key, said.claim.run});
  }
}

void Pollers::take_claims(Speaker& world,
                          Poller& poller,
                          const Command& said,
                          const Bytes& answer) {
  const auto claims = read_claims(answer);
  const std::string id =
      str(Stored<schema::TaskQueueMessage>(said.body).get().getClaimWork().getRequestId());
  if (!id.empty() && !claims.empty()) {
    const auto [known, first] = answers_.try_emplace(id, claims);
    if (!first && known->second != claims) {
      world.model().violation("request " + id + " was answered in two ways");
    }
    if (!first) return;  // done with, or under way
  }
  // Nobody has heard it: the claims run out.
  const bool unheard = world.faulty() && world.one_in(10);
  for (const test::Held& held : claims) {
    world.model().handed(poller.queue + "/" + poller.name, poller.index, held);
    if (!unheard) poller.work[{held.task_id, held.run_id}] = {held.token, false};
  }
}

void Pollers::crashed() {
  for (Poller& poller : pollers_) {
    poller.request = 0;
    poller.stopping = false;
    for (auto& [run, work] : poller.work) work.asking = false;
  }
}

}  // namespace troupe::sim
