#include "runtime/actor/cell.h"

#include "runtime/actor/dead_letters.h"
#include "runtime/actor/envelope.h"
#include "runtime/base/planted.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <kj/exception.h>

#include <exception>
#include <stdexcept>
#include <utility>

namespace troupe {
namespace {

// A message that faults this often is parked: the fault is in the message, not in the weather.
constexpr std::uint32_t attempts_max = 3;
// The first start that handled it and the second one ended: there is no third.
constexpr std::uint32_t ends_max = 2;

// Rows and sends of one message. More is a cursor row and a message to itself, so that nobody waits
// behind it.
constexpr std::size_t effects_max = 256;

std::string timer_of_key(std::uint64_t number, const std::string& name) {
  return KeyWriter().u64(number).text(name).key();
}

Bytes encode_timer_of(const TimerEntry& timer) {
  capnp::MallocMessageBuilder message;
  auto row = message.initRoot<schema::TimerOfRow>();
  row.setDue(timer.due.ms);
  row.setAttempt(timer.attempt);
  row.setDelay(timer.delay);
  return to_bytes(message);
}

Bytes encode_event(const Event& event, Instant now) {
  capnp::MallocMessageBuilder message;
  auto row = message.initRoot<schema::EventRow>();
  row.setExchange(text(event.exchange));
  row.setRoutingKey(text(event.routing_key));
  auto cc = row.initCc(static_cast<unsigned>(event.cc.size()));
  for (unsigned i = 0; i < cc.size(); ++i) cc.set(i, text(event.cc[i]));
  row.setTime(now.ms);
  row.setPayload(text(event.payload));
  return to_bytes(message);
}

}  // namespace

Cell::Cell(const Kind& kind, ActorId id, const CellServices& services)
    : kind_(kind),
      id_(std::move(id)),
      services_(services),
      rows_(services.store, services.committer) {
  const auto snapshot = services_.store.snapshot();
  number_ = find_actor_number(*snapshot, id_);
  named_ = number_ != 0;
  rows_.set_number(number_);
  if (named_) read_timers(*snapshot);
  activate();
  rows_.settle();
}

void Cell::read_timers(const Snapshot& snapshot) {
  const std::string prefix = KeyWriter().u64(number_).prefix();
  snapshot.scan(tables::timers_of.id, prefix, [&](std::string_view key, WordSpan words) {
    if (!key.starts_with(prefix)) return false;
    KeyReader reader(key);
    reader.u64();
    Stored<schema::TimerOfRow> stored(words);
    const auto row = stored.get();
    timers_[std::string(reader.text())] = {Instant{row.getDue()}, row.getAttempt(), row.getDelay()};
    return true;
  });
}

void Cell::activate() {
  try {
    actor_ = kind_.activate(id_, rows_);
    return;
  } catch (const kj::Exception& e) {
    activation_error_ = std::string(e.getDescription().cStr());
  } catch (const std::exception& e) {
    activation_error_ = e.what();
  }
  services_.report(kind_.name, "activation_failed", id_, activation_error_);
}

Cell::~Cell() = default;

bool Cell::can_passivate() const {
  if (actor_ && actor_->is_volatile()) return false;
  return last_sequence_ <= services_.committer.durable() || planted(Bug::passivate_early);
}

bool Cell::is_due(const Delivery& delivery) {
  const auto it = timers_.find(delivery.message.timer);
  if (it == timers_.end()) return false;
  firing_ = it->second;
  return firing_.due == delivery.message.due && firing_.attempt == delivery.message.attempt;
}

void Cell::process(Delivery& delivery) {
  // One that was put back has no row among the timers any more; the handler knows a late one.
  const bool is_timer = delivery.message.source == Message::Source::timer;
  if (is_timer && !delivery.in_inbox && !is_due(delivery)) return;
  const auto name = Suspects::name_of(delivery);
  if (const auto ends = services_.suspects.ends(name); ends >= ends_max) {
    delivery.attempts = ends;
    park(delivery, std::string(error_of_crashes));
  } else {
    const Suspects::Handling handling(services_.suspects, name);
    handle(delivery);
  }
  services_.suspects.acquit(name);
  rows_.settle();
}

void Cell::handle(Delivery& delivery) {
  for (;;) {
    auto outcome = call_handler(delivery);
    if (outcome.ok()) {
      land_or_fail(delivery, std::move(outcome).value());
      return;
    }
    if (delivery.message.source == Message::Source::command) {
      refuse(delivery, outcome.error());
      return;
    }
    if (++delivery.attempts >= attempts_max) {
      park(delivery, outcome.error().detail);
      return;
    }
    services_.report(kind_.name, "message_retried", id_, outcome.error().detail);
  }
}

Result<Effects> Cell::call_handler(const Delivery& delivery) {
  if (!actor_) return Error{Errc::corrupt, "its rows do not decode: " + activation_error_};
  handled_at_ = services_.clock.wall_now();
  const Context context{id_, handled_at_, delivery.number, rows_};
  std::string why;
  try {
    return actor_->handle(delivery.message, context);
  } catch (const kj::Exception& e) {
    why = std::string(e.getDescription().cStr());
  } catch (const std::exception& e) {
    why = e.what();
  }
  services_.report(kind_.name, "handler_threw", id_, why);
  return Error{Errc::internal, why};
}

// A delivery has its outcome: it is no longer in the inbox or the timer table.
void Cell::consume(const Delivery& delivery, Commit& commit) {
  const bool stored = delivery.message.source == Message::Source::actor || delivery.in_inbox;
  if (stored && !planted(Bug::keep_inbox_row)) {
    commit.inbox_deletes.push_back(delivery.number);
  } else if (delivery.message.source == Message::Source::timer) {
    add_timer_delete(delivery.message.timer, commit);
  }
}

void Cell::add_name(std::uint64_t number, Commit& commit) {
  number_ = number;
  named_ = true;
  rows_.set_number(number);
  capnp::MallocMessageBuilder message;
  message.initRoot<schema::NameRow>().setNumber(number);
  commit.rows.push_back({tables::names.id, name_key(id_), to_bytes(message)});
}

void Cell::add_rows(Effects& effects, Commit& commit) {
  for (auto& row : effects.rows) {
    commit.rows.push_back({row.table, rows_.full_key(row.key), std::move(row.value)});
  }
}

void Cell::add_timer_delete(const std::string& name, Commit& commit) {
  const auto it = timers_.find(name);
  if (it == timers_.end()) return;
  const Timer& timer = it->second;
  TimerEntry entry{timer.due, number_, name, id_, timer.attempt, timer.delay};
  commit.rows.push_back({tables::timers.id, entry.key(), std::nullopt});
  commit.rows.push_back({tables::timers_of.id, timer_of_key(number_, name), std::nullopt});
  timer_changes_.emplace_back(std::move(entry), false);
  timers_.erase(it);
}

void Cell::add_timer(const TimerChange& change, Commit& commit) {
  add_timer_delete(change.name, commit);
  if (!change.due) return;
  const Instant due =
      change.delay ? services_.timers.delay_due(*change.due, handled_at_) : *change.due;
  TimerEntry entry{due, number_, change.name, id_, change.attempt, change.delay};
  if (!planted(Bug::forget_timer)) {
    commit.rows.push_back({tables::timers.id, entry.key(), entry.row()});
    commit.rows.push_back(
        {tables::timers_of.id, timer_of_key(number_, change.name), encode_timer_of(entry)});
  }
  timer_changes_.emplace_back(std::move(entry), true);
  timers_[change.name] = {due, change.attempt, change.delay};
}

// To another shard: it leaves when it is on disk (invariant 1).
void Cell::post(std::uint32_t to_shard, Delivery delivery, Commit& commit) {
  Bytes envelope = encode_envelope(id_, delivery.to, 0, delivery.message.body);
  commit.channel_puts.push_back(
      {to_shard, std::move(envelope),
       [&services = services_, to_shard, delivery = std::move(delivery)](std::uint64_t place) {
         services.hand_over(to_shard, place, delivery);
       }});
}

std::vector<Delivery> Cell::add_sends(Effects& effects, const Credit& credit, Commit& commit) {
  std::vector<Delivery> deliveries;
  deliveries.reserve(effects.sends.size());
  for (auto& send : effects.sends) {
    Delivery delivery;
    delivery.number = services_.numbers.next();
    delivery.to = std::move(send.to);
    delivery.credit = credit;
    delivery.message.source = Message::Source::actor;
    delivery.message.from = id_;
    delivery.message.body = std::move(send.body);
    const auto shard = shard_of(delivery.to, services_.place.count);
    if (shard != services_.place.index) {
      post(shard, std::move(delivery), commit);
      continue;
    }
    commit.inbox_puts.push_back(
        {delivery.number, [from = id_, to = delivery.to, body = delivery.message.body] {
           return encode_envelope(from, to, 0, body);
         }});
    deliveries.push_back(std::move(delivery));
  }
  return deliveries;
}

void Cell::add_events(const Effects& effects, Instant now, Commit& commit) {
  for (const auto& event : effects.events) commit.events.push_back(encode_event(event, now));
}

void Cell::add_removal(Commit& commit) {
  while (!timers_.empty()) add_timer_delete(std::string(timers_.begin()->first), commit);
  commit.rows.push_back({tables::names.id, name_key(id_), std::nullopt});
  named_ = false;
}

// The handler has taken its new state already. If its effects cannot land, that state is void: the
// caller is told, and the actor ends, to be read again from its rows.
void Cell::land_or_fail(Delivery& delivery, Effects effects) {
  try {
    land(delivery, std::move(effects));
  } catch (const std::exception& e) {
    timer_changes_.clear();
    if (delivery.message.source == Message::Source::command) {
      refuse(delivery, Error{Errc::internal, e.what()});
    } else {
      // What failed may have taken the timer out already; parking deletes its rows.
      if (delivery.message.source == Message::Source::timer) {
        timers_[delivery.message.timer] = firing_;
      }
      park(delivery, e.what());
    }
    throw;
  }
}

void Cell::land(Delivery& delivery, Effects effects) {
  if (effects.rows.size() + effects.sends.size() > effects_max) {
    throw std::length_error("a handler yields " + std::to_string(effects.rows.size()) +
                            " rows and " + std::to_string(effects.sends.size()) +
                            " sends: more than " + std::to_string(effects_max) + " at once");
  }
  Commit commit;
  commit.credit = delivery.credit;
  consume(delivery, commit);
  const bool writes = !effects.rows.empty() || !effects.timers.empty();
  if (writes && !named_) add_name(delivery.number, commit);
  add_rows(effects, commit);
  for (const auto& timer : effects.timers) add_timer(timer, commit);
  if (effects.remove && named_) add_removal(commit);
  if (!effects.events.empty()) add_events(effects, services_.clock.wall_now(), commit);
  auto deliveries = add_sends(effects, delivery.credit, commit);
  if (!effects.replies.empty()) {
    commit.outputs.push_back(
        [reply = &services_.reply, replies = std::move(effects.replies)]() mutable {
          (*reply)(std::move(replies));
        });
  }
  if (planted(Bug::deliver_before_queued)) {
    for (auto& next : std::exchange(deliveries, {})) services_.deliver(std::move(next));
  }
  enqueue(std::move(commit));
  // Only now, with the effects queued: what the receivers do comes later in the order.
  for (auto& next : deliveries) services_.deliver(std::move(next));
}

void Cell::enqueue(Commit commit) {
  own_changes_.clear();
  for (const auto& row : commit.rows) {
    if (row.table.value >= 16) own_changes_.push_back(row);
  }
  last_sequence_ = services_.committer.enqueue(std::move(commit));
  for (auto& row : own_changes_) rows_.remember(std::move(row), last_sequence_);
  for (const auto& [entry, set] : timer_changes_) {
    services_.timers.changed(entry, set, last_sequence_);
  }
  timer_changes_.clear();
}

// A refusal changes nothing, but its answer waits for what came before it.
void Cell::refuse(Delivery& delivery, const Error& error) {
  Commit commit;
  commit.credit = delivery.credit;
  commit.outputs.push_back([reply = &services_.reply, to = delivery.message.reply_to, error]() {
    (*reply)({Reply{to, error, false}});
  });
  enqueue(std::move(commit));
}

void Cell::park(Delivery& delivery, const std::string& why) {
  Commit commit;
  commit.credit = delivery.credit;
  consume(delivery, commit);
  commit.rows.push_back({tables::dead_letters.id, KeyWriter().u64(delivery.number).key(),
                         encode_dead_letter(delivery, why, services_.clock.wall_now())});
  enqueue(std::move(commit));
  services_.report(kind_.name, "message_parked", id_, why);
}

}  // namespace troupe
