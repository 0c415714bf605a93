#include "tests/sim/workers.h"

#include "actors/kinds.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"
#include "tests/actors/support/queue_messages.h"
#include "tests/sim/uploads.h"

#include <algorithm>
#include <iterator>

namespace troupe::sim {
namespace {

constexpr std::size_t old_claims_max = 64;

const std::vector<test::Report> reports{
    {Outcome::COMPLETED, Reason::NONE},
    {Outcome::COMPLETED, Reason::NONE},
    {Outcome::COMPLETED, Reason::NONE},
    {Outcome::FAILED, Reason::NONE},
    {Outcome::EXCEPTION, Reason::WORKER_SHUTDOWN},
    {Outcome::EXCEPTION, Reason::MALFORMED_PAYLOAD},
    {Outcome::EXCEPTION, Reason::RESOURCE_UNAVAILABLE},
    {Outcome::EXCEPTION, Reason::INTERNAL_ERROR},
    {Outcome::EXCEPTION, Reason::INTERMITTENT_TASK},
};

std::uint64_t any_number(Speaker& world) {
  return world.random()() | 1;
}

// An artifact with bytes, of a few that many have. Some go before their task.
Bytes put_blob(Speaker& world, const Command& said) {
  std::string hash(32, 'h');
  hash[0] = static_cast<char>(below(world.random(), 2));
  hash[1] = static_cast<char>(below(world.random(), 4));
  const auto lives = Duration{60'000 + static_cast<std::int64_t>(below(world.random(), 600'000))};
  const Instant expires = world.one_in(2) ? world.now() + lives : Instant{};
  return build<schema::TaskMessage>([&](schema::TaskMessage::Builder m) {
    auto put = m.initPutArtifact();
    put.getClaimRef().setRunId(said.claim.run);
    put.getClaimRef().setToken(said.claim.token);
    auto artifact = put.getArtifact();
    artifact.setName(text(said.artifact));
    artifact.setStorageType("s3");
    artifact.setExpires(expires.ms);
    artifact.setSize(1);
    artifact.setSha256({reinterpret_cast<const kj::byte*>(hash.data()), hash.size()});
  });
}

}  // namespace

void Workers::start(Speaker& world) {
  struct Post {
    const char* queue;
    const char* name;
    int capacity;
  };
  for (const Post& post : {Post{"local/default", "g/a", 1}, Post{"local/default", "g/b", 3},
                           Post{"local/other", "g/a", 2}, Post{"far/away", "h/c", 4}}) {
    SimWorker worker;
    worker.index = static_cast<int>(workers_.size());
    worker.queue = post.queue;
    worker.name = post.name;
    worker.capacity = post.capacity;
    worker.process = any_number(world);
    workers_.push_back(std::move(worker));
  }
}

Command Workers::command(const SimWorker& worker, Verb verb, ActorId to, Bytes body) {
  Command made;
  made.verb = verb;
  made.to = std::move(to);
  made.body = std::move(body);
  made.worker = worker.index;
  made.session = worker.session;
  return made;
}

Command Workers::claim_command(const SimWorker& worker,
                               Verb verb,
                               const std::pair<std::string, std::uint32_t>& run,
                               std::uint64_t token) {
  Command made = command(worker, verb, task_id(run.first), {});
  made.claim = {run.second, token};
  return made;
}

// ---- What they do ----

void Workers::act(Speaker& world) {
  SimWorker& worker = workers_[below(world.random(), workers_.size())];
  if (world.one_in(12)) {
    misbehave(world, worker);
  } else {
    go_on(world, worker);
  }
}

bool Workers::wind_up(Speaker& world) {
  bool busy = false;
  for (SimWorker& worker : workers_) {
    worker.stopped = false;
    go_on(world, worker);
    busy = busy || !worker.work.empty();
  }
  return busy;
}

void Workers::go_on(Speaker& world, SimWorker& worker) {
  if (worker.session == 0) {
    if (!worker.stopped || world.one_in(8)) connect(world, worker);
    return;
  }
  if (!worker.connected) return;
  const int wanted = worker.capacity - static_cast<int>(worker.work.size()) - worker.waiting;
  if (wanted > 0 && worker.asking == 0) {
    await(world, worker, wanted);
  } else if (!worker.work.empty()) {
    do_work(world, worker);
  }
}

void Workers::connect(Speaker& world, SimWorker& worker) {
  worker.stopped = false;
  worker.session = any_number(world);
  worker.connected = false;
  worker.wire = world.new_wire();
  worker.waiting = 0;
  worker.asking = 0;
  test::Connection connection{worker.name, worker.queue, worker.session, worker.process, {}};
  for (auto& [run, work] : worker.work) {
    work.asking = false;
    connection.held.push_back({run.first, run.second, work.token});
  }
  if (world.faulty() && !old_claims_.empty() && world.one_in(6)) {
    const test::Held& old = world.any_of(old_claims_);
    const bool named = worker.work.contains({old.task_id, old.run_id});
    if (!named) connection.held.push_back(old);
  }
  world.say(command(worker, Verb::connect, worker_id(worker.key()), test::connect(connection)),
            worker.wire);
}

void Workers::await(Speaker& world, SimWorker& worker, int slots) {
  // Some say what they have: not enough for all that they have slots for.
  const test::Slots wanted{worker.name, worker.session, slots};
  const bool limited = worker.capacity > 1 && worker.queue != "far/away";
  Command said = command(
      worker, Verb::await, task_queue_id(worker.queue),
      limited ? test::await_within(wanted, {{"cpu", 1'500}, {"token", 1}}) : test::await(wanted));
  said.slots = slots;
  worker.asking += 1;
  worker.waiting += std::max(slots, 0);
  world.say(std::move(said), worker.wire);
}

// Its window closes and opens again, once or more often, before it has heard of the first change.
void Workers::shake(Speaker& world, SimWorker& worker) {
  const int window = worker.waiting;
  for (auto times = 1 + below(world.random(), 3); times > 0; --times) {
    await(world, worker, -window);
    await(world, worker, window);
  }
  if (world.one_in(2)) await(world, worker, -window);
}

void Workers::do_work(Speaker& world, SimWorker& worker) {
  auto at = std::next(worker.work.begin(),
                      static_cast<std::ptrdiff_t>(below(world.random(), worker.work.size())));
  SimWorker::Work& work = at->second;
  if (work.asking || (work.neglected && world.faulty())) return;
  const auto what = below(world.random(), 8);
  if (what < 4 || work.report || !world.faulty()) return resolve(world, worker, at->first);
  if (what < 6) {
    Command said = claim_command(worker, Verb::reclaim, at->first, work.token);
    said.claim.by_run = world.one_in(4);  // as over HTTP
    said.body = test::reclaim(said.claim);
    work.asking = true;
    world.say(std::move(said), worker.wire);
  } else if (what < 7) {
    put_artifact(world, worker, at->first, work.token);
  }
}

void Workers::put_artifact(Speaker& world,
                           SimWorker& worker,
                           const std::pair<std::string, std::uint32_t>& run,
                           std::uint64_t token) {
  Command said = claim_command(worker, Verb::put_artifact, run, token);
  if (world.one_in(3)) return world.say(Uploads::create(world, std::move(said)), worker.wire);
  said.artifact = "public/" + std::to_string(below(world.random(), 3));
  if (world.one_in(2)) {
    said.body = put_blob(world, said);
  } else {
    said.told = true;
    said.body = test::put_artifact(said.claim, {.name = said.artifact});
  }
  world.say(std::move(said), worker.wire);
}

void Workers::resolve(Speaker& world,
                      SimWorker& worker,
                      const std::pair<std::string, std::uint32_t>& run) {
  SimWorker::Work& work = worker.work.at(run);
  if (!work.report) work.report = world.any_of(reports);
  Command said = claim_command(worker, Verb::resolve, run, work.token);
  said.claim.by_run = world.one_in(4);  // as over HTTP
  said.report = *work.report;
  said.body = test::resolve(said.claim, said.report);
  work.asking = true;
  if (world.faulty() && world.one_in(10)) world.say(said, worker.wire);  // twice
  world.say(std::move(said), worker.wire);
}

// ---- What they should not do, and what befalls them ----

void Workers::misbehave(Speaker& world, SimWorker& worker) {
  switch (below(world.random(), 9)) {
    case 0:
    case 1: return lose_session(world, worker);
    case 2:  // the process dies; another comes
      lose_session(world, worker);
      for (const auto& [run, work] : worker.work) {
        old_claims_.push_back({run.first, run.second, work.token});
      }
      if (old_claims_.size() > old_claims_max) old_claims_.erase(old_claims_.begin());
      worker.work.clear();
      worker.process = any_number(world);
      return;
    case 3: {  // leaves, politely
      if (!worker.connected) return;
      world.say(
          command(worker, Verb::leave, task_queue_id(worker.queue), test::leave(worker.session)),
          worker.wire);
      world.say(
          command(worker, Verb::farewell, worker_id(worker.key()), test::farewell(worker.session)),
          worker.wire);
      worker.session = 0;
      worker.connected = false;
      worker.stopped = true;
      worker.work.clear();
      return;
    }
    case 4:  // takes slots back
      if (worker.connected && worker.waiting > 0) await(world, worker, -1);
      return;
    case 6:
      if (worker.connected && worker.waiting > 0) shake(world, worker);
      return;
    case 5: return claim_by_name(world, worker);
    default: return lie(world, worker);
  }
}

// The connection is lost: the platform notices, later.
void Workers::lose_session(Speaker& world, SimWorker& worker) {
  if (worker.session == 0) return;
  Command gone =
      command(worker, Verb::leave, task_queue_id(worker.queue), test::leave(worker.session));
  gone.one_way = true;
  world.say(std::move(gone), worker.wire);
  gone =
      command(worker, Verb::disconnect, worker_id(worker.key()), test::disconnect(worker.session));
  gone.one_way = true;
  world.say(std::move(gone), worker.wire);
  worker.session = 0;
  worker.connected = false;
  worker.waiting = 0;
  worker.asking = 0;
}

// Reports with a token that is not the run's, or with one that is long stale.
void Workers::lie(Speaker& world, SimWorker& worker) {
  std::pair<std::string, std::uint32_t> run;
  std::uint64_t token = 0;
  const bool stale = !old_claims_.empty() && world.one_in(2);
  if (stale) {
    const test::Held& old = world.any_of(old_claims_);
    run = {old.task_id, old.run_id};
    token = old.token;
  } else {
    const auto& tasks = world.model().tasks();
    if (tasks.empty()) return;
    const TaskModel& task = *tasks[below(world.random(), tasks.size())];
    if (task.disk.runs.empty()) return;
    run = {task.id, static_cast<std::uint32_t>(task.disk.runs.size() - 1)};
    token = task.disk.runs.back().token + (world.one_in(4) ? 1 : 12'345'678);
  }
  const bool reclaim = world.one_in(4);
  Command said = claim_command(worker, reclaim ? Verb::reclaim : Verb::resolve, run, token);
  said.honest = stale;
  said.report = world.any_of(reports);
  said.body = reclaim ? test::reclaim(said.claim) : test::resolve(said.claim, said.report);
  world.say(std::move(said), world.new_wire());
}

void Workers::claim_by_name(Speaker& world, SimWorker& worker) {
  if (!worker.connected) return;
  for (const TaskModel* task : world.model().tasks()) {
    const bool fits = task->disk.visible && task->disk.queue == worker.queue &&
                      task->disk.state() == State::PENDING;
    if (!fits || !world.one_in(2)) continue;
    const auto run = static_cast<std::uint32_t>(task->disk.runs.size() - 1);
    Command said = claim_command(worker, Verb::claim_by_name, {task->id, run}, 0);
    said.body = test::claim_by_name(run, worker.name, worker.session);
    world.say(std::move(said), worker.wire);
    return;
  }
}

// ---- What they hear ----

void Workers::answered(Speaker& world, const Command& said, const Result<Bytes>& answer) {
  SimWorker& worker = workers_[static_cast<std::size_t>(said.worker)];
  const bool current = worker.session != 0 && said.session == worker.session;
  if (said.verb == Verb::connect) {
    if (answer.ok()) {
      const test::Push push = test::read_push(answer.value());
      if (push.what == "claimed") {
        world.model().handed(worker.key(), worker.index, push.kept.front());
      }
      if (current) on_push(world, worker, push);
    } else if (current) {
      worker.session = 0;
    }
    return;
  }
  if (!current) return;
  if (said.verb == Verb::await) {
    worker.asking -= 1;
    if (!answer.ok()) {
      worker.waiting -= std::max(said.slots, 0);
    } else {
      worker.waiting -=
          static_cast<int>(Stored<schema::AwaitAnswer>(answer.value()).get().getRemoved());
    }
    if (worker.waiting < 0) {
      world.model().violation("worker " + worker.key() + " is told of more slots than it has");
    }
    return;
  }
  const auto held = worker.work.find({said.to.key, said.claim.run});
  if (held == worker.work.end() || held->second.token != said.claim.token) return;
  held->second.asking = false;
  if (world.faulty() && world.one_in(12)) return;  // unheard: said again
  const bool over = answer.ok() ? said.verb == Verb::resolve : !is_retryable(answer.error().code);
  if (!over || said.verb == Verb::put_artifact) return;
  old_claims_.push_back({said.to.key, said.claim.run, said.claim.token});
  worker.work.erase(held);
}

void Workers::take_on(Speaker& world, SimWorker& worker, const test::Held& held) {
  SimWorker::Work work;
  work.token = held.token;
  work.neglected = world.faulty() && world.one_in(12);
  worker.work.insert_or_assign({held.task_id, held.run_id}, work);
}

void Workers::on_push(Speaker& world, SimWorker& worker, const test::Push& push) {
  if (push.what == "connected") return on_connected(world, worker, push);
  if (push.what == "replaced") {
    worker.session = 0;
    worker.connected = false;
    return;
  }
  const test::Held& held = push.kept.front();
  if (push.what == "claimed") {
    // Out of slots of an earlier session, or by its name: it takes none of these.
    if (world.queues().session_of(held.task_id, held.run_id) == worker.session) {
      if (worker.waiting == 0) {
        world.model().violation("worker " + worker.key() + " is pushed run " +
                                std::to_string(held.run_id) + " of " + held.task_id +
                                ", beyond its window");
      }
      worker.waiting -= 1;
    }
    take_on(world, worker, held);
    return;
  }
  worker.work.erase({held.task_id, held.run_id});
}

void Workers::on_connected(Speaker& world, SimWorker& worker, const test::Push& push) {
  worker.connected = true;
  for (const test::Held& held : push.lost) {
    const auto mine = worker.work.find({held.task_id, held.run_id});
    if (mine == worker.work.end() || mine->second.token != held.token) continue;
    world.model().denied(worker.key(), held);
    worker.work.erase(mine);
  }
  for (const test::Held& held : push.missed) {
    world.model().handed(worker.key(), worker.index, held);
    take_on(world, worker, held);
  }
}

void Workers::crashed() {
  for (SimWorker& worker : workers_) {
    worker.session = 0;
    worker.connected = false;
    worker.waiting = 0;
    worker.asking = 0;
    for (auto& [run, work] : worker.work) work.asking = false;
  }
}

}  // namespace troupe::sim
