#include "tests/sim/world.h"

#include "actors/auth/client_actor.h"
#include "actors/blobs/collector.h"
#include "actors/kinds.h"
#include "actors/lookup.h"
#include "actors/task/task_actor.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_queue/queue_actor.h"
#include "actors/worker/queries.h"
#include "actors/worker/worker_actor.h"
#include "schema/store/envelope.capnp.h"
#include "schema/store/messages.capnp.h"

#include <fmt/format.h>

#include <utility>

namespace troupe::sim {
namespace {

// Commits between two looks at everything.
constexpr std::uint64_t sweep_commits = 128;
// Steps between two rests: then all that is under way comes to its end, in time that stands still.
constexpr std::uint64_t rest_steps = 1'500;
constexpr std::uint64_t settle_steps_max = 100'000;
constexpr std::uint64_t finish_steps_max = 200'000;

}  // namespace

World::World(WorldOptions options) : options_(options), model_(Terms{}) {
  watcher_ = [this](const ActorId& self, const Message& message, const Result<Effects>& outcome) {
    on_handled(self, message, outcome);
  };
  SimOptions sim = host_options();
  host_ = std::make_unique<SimHost>(std::move(sim));
  faults_ = pick_faults();
  host_->set_faults(faults_);
  if (one_in(4)) clock_steps_ = 1 + static_cast<std::uint32_t>(below(random(), 3));
  tell_time();
  workers_.start(*this);
  pollers_.start(*this);
}

SimOptions World::host_options() {
  const Terms& terms = model_.terms();
  task::TaskConfig tasks;
  tasks.claim_timeout = terms.claim_timeout;
  tasks.deadline_delay = terms.deadline_delay;
  tasks.expiration_delay = terms.expiration_delay;
  task_queue::QueueConfig queues{terms.expiration_delay};
  queues.looks_max = 4;  // so that something comes between the slices of a look
  SimOptions sim;
  sim.seed = options_.seed;
  sim.shards = options_.seed % 3 == 0 ? 3 : 1;
  for (auto& kind : {task::kind(tasks), task_group::kind({terms.expiration_delay}),
                     task_queue::kind(queues), worker::kind({terms.lease, terms.expiration_delay}),
                     auth::client_kind(), blobs::kind({})}) {
    sim.kinds.push_back(watched(kind, watcher_));
  }
  sim.prepare = [this](Host& host) { begin_leases(host); };
  sim.reply = [this](Reply reply) { on_reply(std::move(reply)); };
  sim.report = [this](const std::string&, const std::string& event, const std::string& actor,
                      const std::string& detail) { on_report(event, actor, detail); };
  sim.crashed = [this] { on_crashed(); };
  sim.restarted = [this] { on_restarted(); };
  return sim;
}

// Some worlds are calm, some are not.
Faults World::pick_faults() {
  Faults faults;
  faults.crash = static_cast<std::uint32_t>(below(random(), 3));
  faults.crash_commit = static_cast<std::uint32_t>(below(random(), 16));
  faults.disk_full = static_cast<std::uint32_t>(below(random(), 3));
  faults.sync_fails = static_cast<std::uint32_t>(below(random(), 2));
  faults.crash_recovery = static_cast<std::uint32_t>(below(random(), 100));
  return faults;
}

// As every server's start: no connection has survived.
void World::begin_leases(Host& host) {
  std::string next;
  const auto workers = worker::list_workers(*host.snapshot(), "", Page{1'000, ""}, next);
  for (const auto& w : workers) {
    if (w.session == 0 && w.claims.empty()) continue;
    host.ask(worker_id(w.task_queue_id + "/" + w.worker_group + "/" + w.worker_id),
             test::restarted(), ReplyTo{});
  }
}

// ---- What is heard ----

void World::on_handled(const ActorId& self,
                       const Message& message,
                       const Result<Effects>& outcome) {
  trace_.handled(steps_, host_ ? now() : Instant{}, self, message, outcome);
  if (host_) tell_time();
  if (!outcome.ok()) return;
  queues_.handled(self, message, outcome.value());
  if (self.kind == kinds::worker && outcome.value().remove) keepers_.removed(*this, self.key);
  if (self.kind == kinds::task_group && outcome.value().remove) model_.group_removed(self.key);
  if (self.kind != kinds::task) return;
  for (const RowChange& row : outcome.value().rows) {
    if (row.table == tables::task_state.id) model_.touched(self.key, row.value);
  }
}

void World::on_reply(Reply reply) {
  const auto call = unanswered_.find(reply.to.call);
  if (call == unanswered_.end()) {
    model_.violation("a second answer to one call");
    return;
  }
  arrived_.push_back({call->second, reply});
  if (!reply.more) unanswered_.erase(call);
}

void World::on_report(const std::string& event,
                      const std::string& actor,
                      const std::string& detail) {
  trace_.note(steps_, Instant{}, event + " " + actor + ": " + detail);
  const bool expected =
      event == "disk_full" || (event == "process_ended" && detail.ends_with("failed to sync"));
  if (!expected) model_.violation(event + " " + actor + ": " + detail);
}

void World::on_crashed() {
  trace_.note(steps_, Instant{}, "-- crash --");
  workers_.crashed();
  pollers_.crashed();
  for (auto& [call, command] : unanswered_) {
    if (command.worker < 0) clients_.lost(*this, std::move(command));
  }
  unanswered_.clear();
  for (auto& [id, wire] : wires_) {
    for (Command& command : wire) {
      if (command.worker < 0) clients_.lost(*this, std::move(command));
    }
  }
  wires_.clear();
}

void World::on_restarted() {
  trace_.note(steps_, Instant{}, "-- restarted --");
  model_.restarted(host_->host());
  queues_.restarted(host_->host());
  model_.sweep(host_->host());
  // What was answered before the crash is still to be looked at: by the model alone.
  for (Arrived& arrived : std::exchange(arrived_, {})) {
    check_answer(arrived);
    if (arrived.command.worker < 0) clients_.lost(*this, std::move(arrived.command));
  }
  seen_commits_ = host_->counts().commits;
}

// ---- What is said ----

WireId World::new_wire() {
  return ++wires_made_;
}

void World::say(Command command, WireId wire) {
  wires_[wire].push_back(std::move(command));
}

void World::send_one() {
  if (wires_.empty()) return;
  // Those said last are as likely as those said first: wires are not in order.
  auto wire = wires_.begin();
  std::advance(
      wire, static_cast<std::ptrdiff_t>(below(random(), std::min<std::size_t>(wires_.size(), 8))));
  Command command = std::move(wire->second.front());
  wire->second.pop_front();
  if (wire->second.empty()) wires_.erase(wire);
  const bool client = command.worker < 0;
  if (client && faulty_ && one_in(30)) return clients_.lost(*this, std::move(command));
  if (client && faulty_ && one_in(30)) hand_over(command);  // twice
  hand_over(std::move(command));
}

void World::hand_over(Command command) {
  // The model follows a task to its end, and no other one under its id.
  if (command.verb == Verb::create && model_.is_removed(command.to.key)) return;
  commands_ += 1;
  model_.sent(command);
  ReplyTo to;
  const ActorId actor = command.to;
  const Bytes body = command.body;
  const auto admission = command.verb == Verb::create ? Admission::creation : Admission::work;
  if (!command.one_way) {
    to = {host_->edge(), ++calls_};
    unanswered_.emplace(calls_, std::move(command));
  }
  host_->host().ask(actor, body, to, admission);
}

void World::take_answers() {
  for (Arrived& arrived : std::exchange(arrived_, {})) take_answer(std::move(arrived));
}

void World::check_answer(const Arrived& arrived) {
  const Command& command = arrived.command;
  const auto& answer = arrived.reply.body;
  if (answer.ok()) accepted_[command.verb] += 1;
  Host& host = host_->host();
  model_.answered(command, answer, host);
  keepers_.answered(*this, command, answer, host);
  uploads_.answered(*this, command, answer.ok(), host);
  if (answer.ok() && command.verb == Verb::quarantine) {
    queues_.quarantined(command.to.key, command.until);
  }
}

void World::take_answer(Arrived arrived) {
  const Command& command = arrived.command;
  const auto& answer = arrived.reply.body;
  if (!answer.ok()) {
    trace_.note(steps_, now(),
                fmt::format("{} of {} was refused: {}", to_text(command.verb), command.to.key,
                            answer.error().detail));
  }
  check_answer(arrived);
  if (command.worker < 0) {
    clients_.answered(*this, command, answer);
  } else if (command.poller) {
    pollers_.answered(*this, command, answer);
  } else {
    workers_.answered(*this, command, answer);
  }
}

// ---- Time goes on ----

void World::act() {
  const auto what = below(random(), 32);
  if (what < 2) {
    clients_.act(*this);
  } else if (what < 7) {
    workers_.act(*this);
  } else if (what < 8) {
    pollers_.act(*this);
  } else if (what < 15) {
    send_one();
  } else if (what < 16 && one_in(2)) {
    if (one_in(3)) {
      keepers_.act(*this);
    } else {
      uploads_.act(*this);
    }
  }
}

// After each step: what is on disk now, then what was answered.
void World::look() {
  tell_time();
  const auto commits = host_->counts().commits;
  if (commits != seen_commits_) {
    seen_commits_ = commits;
    model_.committed(host_->host());
  }
  take_answers();
  if (commits - swept_commits_ >= sweep_commits) {
    swept_commits_ = commits;
    model_.sweep(host_->host());
  }
}

// Now and then somebody sets the clock, a little or by hours.
void World::step_clock() {
  const std::uint64_t most_ms = one_in(2) ? 6 * 3'600'000 : 30'000;
  const auto by = Duration{static_cast<std::int64_t>(1 + below(random(), most_ms))};
  host_->step_clock(one_in(2) ? by : -by);
  trace_.note(steps_, now(), "-- the clock is stepped --");
  tell_time();
}

void World::tell_time() {
  model_.clock_is(now(), host_->clock().elapsed());
}

void World::step() {
  if (happens(random(), clock_steps_)) step_clock();
  act();
  // When nothing else is to do, time goes on a little: clients and workers do not stand still. Now
  // and then they do.
  const Duration elapsed = host_->clock().elapsed();
  if (elapsed >= next_wake_) {
    const std::uint64_t pause_ms = one_in(16) ? 60'000 : 2'000;
    next_wake_ = elapsed + Duration{static_cast<std::int64_t>(1 + below(random(), pause_ms))};
    host_->wake_at(next_wake_);
  }
  host_->step();
  ++steps_;
  look();
}

// All that is under way comes to its end, and nothing new is said.
void World::rest() {
  const auto before = host_->counts().steps;
  const bool settled = host_->settle(settle_steps_max);
  steps_ += host_->counts().steps - before;
  look();
  if (!settled) {
    model_.violation("does not come to rest");
  } else {
    model_.at_rest(host_->host());
    queues_.at_rest(host_->host());
    uploads_.at_rest(*this, host_->host());
  }
}

// Faults are over: clients repeat what was not answered, workers do their work, time goes by.
void World::finish() {
  faulty_ = false;
  faults_ = {};
  host_->set_faults({});
  int rests = 0;  // one after the other: what the first one brought is done by the second
  for (std::uint64_t i = 0; rests < 2 && ok(); ++i) {
    if (i == finish_steps_max) {
      model_.violation("work does not end");
      return;
    }
    const bool said = clients_.wind_up(*this);
    const bool working = workers_.wind_up(*this);
    const bool polling = pollers_.wind_up(*this);
    send_one();
    // Of itself time would go on for ever: while workers wait, their queue's record is kept.
    if (said || working || polling || !wires_.empty() ||
        count_timers(*host_->host().snapshot()) > 0) {
      rests = 0;
      host_->step();
      ++steps_;
      look();
    } else {
      rests += 1;
      rest();
    }
  }
  if (ok()) model_.at_end(host_->host());
}

// Nobody says anything any more, until all that was made has expired.
void World::expire() {
  for (std::uint64_t i = 0; ok() && count_expiries(*host_->host().snapshot()) > 0; ++i) {
    if (i == finish_steps_max) {
      model_.violation("expiry does not end");
      return;
    }
    host_->step();
    ++steps_;
    look();
  }
  if (ok()) rest();
  if (ok()) model_.all_expired(host_->host());
}

Report World::run() {
  while (ok() && steps_ < options_.steps) {
    const auto until = std::min(options_.steps, steps_ + rest_steps);
    while (ok() && steps_ < until) step();
    if (ok()) rest();
  }
  if (ok()) finish();
  Report report;
  // Before nothing is left to tell them by.
  for (const TaskModel* task : model_.tasks()) {
    for (const RunOnDisk& run : task->disk.runs) report.endings[run.reason] += 1;
  }
  report.state_hash = host_->state_hash();
  if (ok()) expire();
  report.seed = options_.seed;
  report.steps = steps_;
  report.commands = commands_;
  report.tasks = model_.tasks().size();
  report.accepted = accepted_;
  report.counts = host_->counts();
  report.violations = model_.violations();
  if (!report.violations.empty()) report.trace = trace_.lines();
  return report;
}

}  // namespace troupe::sim
