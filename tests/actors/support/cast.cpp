#include "tests/actors/support/cast.h"

#include "actors/auth/audit.h"
#include "actors/auth/client_actor.h"
#include "actors/auth/roles_actor.h"
#include "actors/blobs/collector.h"
#include "actors/lookup.h"
#include "actors/task/task_actor.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_queue/codec.h"
#include "actors/task_queue/queue_actor.h"
#include "actors/worker/worker_actor.h"
#include "runtime/actor/envelope.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace troupe::test {
namespace {

constexpr std::size_t deliveries_max = 1'000'000;
constexpr std::size_t effects_max = 256;          // rows and sends of one handler, as of a cell
constexpr std::size_t entries_looked_at = 1'000;  // of a queue at rest

}  // namespace

Cast::Cast() {
  for (auto& kind :
       {task::kind({}), task_group::kind({}), task_queue::kind({}), worker::kind({}),
        auth::client_kind(), auth::roles_kind(), auth::audit_kind({}), blobs::kind({})}) {
    kinds_.emplace(kind.id, kind);
  }
}

Cast::Player& Cast::player(const ActorId& id) {
  Player& found = players_[id];
  if (!found.actor) {
    found.kind = &kinds_.at(id.kind);
    found.actor = found.kind->activate(id, found.rows);
  }
  return found;
}

ReplyTo Cast::tell(const ActorId& to, Bytes command) {
  Mail mail;
  mail.to = to;
  mail.message.reply_to = {1, ++calls_};
  mail.message.body = std::move(command);
  mail_.push_back(mail);
  return mail.message.reply_to;
}

Result<Bytes> Cast::ask(const ActorId& to, Bytes command) {
  const ReplyTo call = tell(to, std::move(command));
  run();
  const auto& answers = replies(call);
  if (answers.size() != 1) {
    return Error{Errc::internal, std::to_string(answers.size()) + " answers"};
  }
  return answers.front().body;
}

std::size_t Cast::unanswered() const {
  std::size_t count = 0;
  for (std::uint64_t call = 1; call <= calls_; ++call) {
    const auto found = replies_.find(call);
    if (found == replies_.end() || found->second.empty()) ++count;
  }
  return count;
}

void Cast::run() {
  for (std::size_t i = 0; step(); ++i) TROUPE_EXPECTS(i < deliveries_max);
  check_at_rest();
}

bool Cast::step(std::size_t choice) {
  std::vector<std::size_t> heads;
  std::set<std::pair<ActorId, ActorId>> seen;
  for (std::size_t i = 0; i < mail_.size() && heads.size() <= choice; ++i) {
    if (seen.insert({mail_[i].message.from, mail_[i].to}).second) heads.push_back(i);
  }
  if (heads.empty()) return false;
  const auto at = static_cast<std::ptrdiff_t>(heads[choice % heads.size()]);
  const Mail mail = mail_[static_cast<std::size_t>(at)];
  mail_.erase(mail_.begin() + at);
  deliver(mail);
  return true;
}

void Cast::deliver(const Mail& mail) {
  Player& receiver = player(mail.to);
  touched_.insert(mail.to);
  if (mail.message.source == Message::Source::timer) {
    const auto set = receiver.timers.find(mail.message.timer);
    if (set == receiver.timers.end() || set->second.due != mail.message.due) return;
  }
  const task::TaskState before = read_task(receiver.rows);
  const Context context{mail.to, now, ++numbers_, receiver.rows};
  try {
    auto outcome = receiver.actor->handle(mail.message, context);
    if (!outcome.ok()) {
      refuse(mail, outcome.error());
      return;
    }
    if (mail.message.source == Message::Source::timer) receiver.timers.erase(mail.message.timer);
    land(mail.to, std::move(outcome).value());
  } catch (const std::exception& e) {
    faults.push_back(mail.to.key + " threw: " + e.what());
  }
  if (mail.to.kind == kinds::task) {
    note(mail.to, broken_in_task(before, read_task(receiver.rows), receiver.rows, receiver.timers));
  }
  if (mail.to.kind == kinds::task_group) note(mail.to, broken_in_group(receiver.rows));
  if (mail.to.kind == kinds::task_queue) note(mail.to, broken_in_queue(receiver.rows));
}

void Cast::land(const ActorId& id, Effects effects) {
  Player& actor = player(id);
  const auto size = effects.rows.size() + effects.sends.size();
  if (size > effects_max) note(id, {std::to_string(size) + " rows and sends at once"});
  actor.rows.apply(effects.rows);
  for (const auto& timer : effects.timers) {
    actor.timers.erase(timer.name);
    if (timer.due) actor.timers[timer.name] = timer;
  }
  if (effects.remove) actor.timers.clear();
  for (auto& send : effects.sends) {
    Mail mail;
    mail.to = std::move(send.to);
    mail.message.source = Message::Source::actor;
    mail.message.from = id;
    mail.message.body = std::move(send.body);
    mail_.push_back(std::move(mail));
  }
  for (auto& event : effects.events) events.push_back(std::move(event));
  for (auto& reply : effects.replies) {
    auto& answers = replies_[reply.to.call];
    if (!answers.empty() && !answers.back().more) note(id, {"a second answer to one call"});
    answers.push_back(std::move(reply));
  }
}

void Cast::refuse(const Mail& mail, const Error& error) {
  if (mail.message.source == Message::Source::command) {
    replies_[mail.message.reply_to.call].push_back({mail.message.reply_to, error, false});
  } else {
    faults.push_back(mail.to.key + " refused what nobody can refuse: " + error.detail);
  }
}

void Cast::note(const ActorId& id, const std::vector<std::string>& broken) {
  for (const auto& what : broken) faults.push_back(id.key + ": " + what);
}

// What several actors say of the same thing must agree once nothing is on its way.
void Cast::check_at_rest() {
  const auto touched = std::exchange(touched_, {});
  for (const ActorId& id : touched) {
    if (id.kind == kinds::worker) check_worker_at_rest(id);
    if (id.kind == kinds::task) check_task_at_rest(id);
    if (id.kind == kinds::task_group) check_group_at_rest(id);
    if (id.kind == kinds::task_queue) check_queue_at_rest(id);
  }
}

void Cast::check_worker_at_rest(const ActorId& id) {
  const Player& actor = player(id);
  note(id, broken_in_worker(actor.rows, actor.timers));
  worker::WorkerState worker;
  worker::read_claims(actor.rows, worker);
  for (const auto& [run, token] : worker.claims) {
    const auto state = task(run.task_id);
    const bool running = state.state() == State::RUNNING && state.runs.back().token == token;
    if (!running) note(id, {"holds " + run.task_id + ", which does not know it"});
  }
}

void Cast::check_queue_at_rest(const ActorId& id) {
  for (const TableSpec* table :
       {&tables::queue_entries, &tables::queue_lanes, &tables::queue_held}) {
    for (const auto& row : rows(id).scan(table->id, "", "", entries_looked_at)) {
      const bool grouped = table != &tables::queue_entries;
      const auto place = grouped ? row.key.find('\0') + 1 : 0;
      const auto entry = task_queue::decode_entry(row.key.substr(place), row.value.words());
      const auto state = task(entry.task_id);
      const bool waits =
          state.state() == State::PENDING && state.task_queue_id == id.key &&
          entry.run_id + 1 == state.runs.size() &&
          entry.key == task_queue::make_entry_key(state.priority, state.runs.back().entry);
      if (!waits) note(id, {"offers " + entry.task_id + ", which does not wait"});
    }
  }
}

void Cast::check_group_at_rest(const ActorId& id) {
  const auto row = rows(id).get(tables::group_state.id, "");
  if (!row) return;
  const auto group = task_group::decode_row(row->words());
  if (group.sweep) note(id, {"its sweep got stuck"});
  if (rows(id).count(tables::group_swept.id) > 0) note(id, {"G4: rows of a sweep are left"});
}

void Cast::check_task_at_rest(const ActorId& id) {
  const auto state = task(id.key);
  if (state.creation) note(id, {"its creation got stuck"});
  if (state.telling) note(id, {"telling others got stuck"});
  if (state.runs.empty()) return;
  const task::Run& run = state.runs.back();
  if (state.state() == State::RUNNING) {
    const std::string key = state.task_queue_id + "/" + run.worker_group + "/" + run.worker_id;
    worker::WorkerState worker;
    worker::read_claims(rows(worker_id(key)), worker);
    const auto claim = worker.claims.find({state.task_id, this->claim(id.key).run});
    const bool known = claim != worker.claims.end() && claim->second == run.token;
    if (!known) note(id, {"runs on " + key + ", which does not know it"});
  }
  // Past the deadline a claim is refused, and its entry does not come back.
  if (state.state() == State::PENDING && now < state.deadline) {
    const auto key = task_queue::make_entry_key(state.priority, run.entry);
    if (!task_queue::find_stored_entry(rows(task_queue_id(state.task_queue_id)), key)) {
      note(id, {"waits, and its queue has no entry"});
    }
  }
}

void Cast::fire(const ActorId& to, const std::string& timer) {
  const TimerChange& set = player(to).timers.at(timer);
  Mail mail;
  mail.to = to;
  mail.message.source = Message::Source::timer;
  mail.message.timer = timer;
  mail.message.due = *set.due;
  mail.message.attempt = set.attempt;
  deliver(mail);
}

bool Cast::fire_next(Instant until) {
  Mail next;
  next.message.source = Message::Source::timer;
  next.message.due = until + Duration{1};
  for (const auto& [id, actor] : players_) {
    for (const auto& [name, timer] : actor.timers) {
      if (*timer.due >= next.message.due) continue;
      next.to = id;
      next.message.timer = name;
      next.message.due = *timer.due;
      next.message.attempt = timer.attempt;
    }
  }
  if (next.message.due > until) return false;
  now = std::max(now, next.message.due);
  mail_.push_back(next);
  run();
  return true;
}

void Cast::advance(Duration duration) {
  const Instant until = now + duration;
  run();
  while (fire_next(until)) {
  }
  now = until;
}

void Cast::restart() {
  std::erase_if(mail_,
                [](const Mail& mail) { return mail.message.source == Message::Source::command; });
  for (auto& [id, actor] : players_) actor.actor = actor.kind->activate(id, actor.rows);
}

ClaimOf Cast::claim(const std::string& id) {
  const auto state = task(id);
  if (state.runs.empty()) return {};
  return {static_cast<std::uint32_t>(state.runs.size() - 1), state.runs.back().token};
}

std::vector<std::string> Cast::take_events() {
  std::vector<std::string> names;
  for (const Event& event : events) {
    const std::string name = event.exchange.substr(event.exchange.rfind('/') + 1);
    const bool of_group = name.starts_with("task-group");
    std::string words = event.routing_key.substr(event.routing_key.find('.') + 1);
    auto end = words.find('.');
    if (!of_group) end = words.find('.', end + 1);
    names.push_back(name + " " + words.substr(0, end));
  }
  events.clear();
  return names;
}

std::vector<Push> Cast::pushes(ReplyTo to) {
  std::vector<Push> found;
  for (const Reply& reply : replies(to)) found.push_back(read_push(reply.body.value()));
  return found;
}

MemorySnapshot Cast::snapshot() const {
  MemorySnapshot all;
  std::uint64_t number = 0;
  for (const auto& [id, player] : players_) {
    if (player.rows.empty()) continue;
    ++number;
    all.put(tables::names.id, name_key(id),
            build<schema::NameRow>([number](auto row) { row.setNumber(number); }));
    for (const auto& [place, value] : player.rows.all()) {
      all.put(place.first, own_key(number, place.second), value);
    }
  }
  return all;
}

}  // namespace troupe::test
