#include "tests/sim/queues.h"

#include "actors/kinds.h"
#include "actors/lookup.h"
#include "actors/task_queue/codec.h"
#include "actors/task_queue/waiters.h"
#include "actors/worker/queries.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"

#include <algorithm>
#include <utility>

namespace troupe::sim {
namespace {

using M = schema::TaskQueueMessage;

std::string name_of(schema::WorkerName::Reader worker) {
  return str(worker.getWorkerGroup()) + "/" + str(worker.getWorkerId());
}

std::string run_text(const std::string& task, std::uint32_t run) {
  return "run " + std::to_string(run) + " of " + task;
}

bool counts(const task_queue::Entry& entry) {
  return !entry.concurrency_key.empty() || !entry.demands.empty();
}

}  // namespace

// ---- What is waited for, and who waits ----

bool Queues::is_held_back(const Queue& queue, const Entry& entry) {
  if (entry.concurrency_key.empty()) return false;
  const auto claimed = std::ranges::count_if(queue.claimed, [&entry](const auto& c) {
    return c.second.concurrency_key == entry.concurrency_key;
  });
  return claimed >= std::int64_t{entry.concurrency_limit};
}

bool Queues::fits(const Queue& queue, const Entry& entry, const Waiter& waiter) {
  if (!waiter.offer) return true;
  const auto mark = task_queue::worker_mark(waiter.worker);
  for (const auto& [resource, amount] : entry.demands) {
    std::uint64_t sum = amount;
    for (const auto& [number, claimed] : queue.claimed) {
      const auto used = claimed.demands.find(resource);
      if (claimed.worker == mark && used != claimed.demands.end()) sum += used->second;
    }
    const auto has = waiter.offer->find(resource);
    if (has == waiter.offer->end() || has->second < sum) return false;
  }
  return true;
}

const task_queue::Entry* Queues::first_for(const Queue& queue, const Waiter& waiter) const {
  for (const auto& [key, entry] : queue.entries) {
    if (!is_held_back(queue, entry) && fits(queue, entry, waiter)) return &entry;
  }
  return nullptr;
}

std::uint64_t Queues::session_of(const std::string& task, std::uint32_t run) const {
  const auto found = sessions_.find({task, run});
  return found == sessions_.end() ? 0 : found->second;
}

// ---- What queues and tasks do ----

void Queues::handled(const ActorId& self, const Message& message, const Effects& effects) {
  if (self.kind == kinds::task) return note_claim(self, message, effects);
  if (self.kind != kinds::task_queue) return;
  Queue& queue = queues_[self.key];
  note(queue, message, effects);
  for (const Send& send : effects.sends) give(self.key, queue, send);
  if (effects.remove && !(queue.entries.empty() && queue.quarantines.empty())) {
    model_.violation("queue " + self.key + " is removed, and is in use");
  }
}

// A claim by name takes no slot, whatever session it is for.
void Queues::note_claim(const ActorId& task, const Message& message, const Effects& effects) {
  for (const Send& send : effects.sends) {
    if (send.to.kind != kinds::worker) continue;
    Stored<schema::WorkerMessage> stored(send.body);
    if (!stored.get().isClaimed()) continue;
    const auto claimed = stored.get().getClaimed();
    Stored<schema::TaskMessage> cause(message.body);
    const bool by_queue = cause.get().isClaimRun() && cause.get().getQuestion() == 0;
    sessions_[{task.key, claimed.getClaim().getRunId()}] = by_queue ? claimed.getClaimSession() : 0;
  }
}

void Queues::note(Queue& queue, const Message& message, const Effects& effects) {
  if (message.source == Message::Source::timer) {
    if (message.timer == "quarantine") {
      std::erase_if(queue.quarantines, [this](auto& q) { return q.second <= model_.now(); });
    }
    return;
  }
  Stored<M> stored(message.body);
  const auto m = stored.get();
  if (m.isAwait()) return note_await(queue, message, effects);
  if (m.isPutEntry()) return note_put(queue, message);
  if (m.isClaimAnswer()) return note_answer(queue, message);
  if (m.isQuarantine()) return note_quarantine(queue, message);
  if (m.isLeave()) queue.waiters.erase(m.getLeave());
  if (m.isClaimDone()) queue.claimed.erase(m.getClaimDone());
  if (m.isClaimWork()) {
    const auto wanted = static_cast<std::int32_t>(m.getClaimWork().getTasks());
    queue.waiters[m.getClaimWork().getClaimSession()] = {name_of(m.getClaimWork().getClaimant()),
                                                         wanted, true, std::nullopt};
  }
  if (m.isRemoveEntry()) {
    const auto gone = m.getRemoveEntry();
    queue.entries.erase(task_queue::make_entry_key(gone.getAtPriority(), gone.getAtNumber()));
    queue.claimed.erase(gone.getAtNumber());
  }
  if (m.isMoveEntry()) {
    const auto moved = m.getMoveEntry();
    note_move(queue, task_queue::make_entry_key(moved.getMovedFrom(), moved.getMovedNumber()),
              task_queue::make_entry_key(moved.getMovedTo(), moved.getMovedNumber()));
  }
}

void Queues::note_put(Queue& queue, const Message& message) {
  Stored<M> stored(message.body);
  const auto put = stored.get().getPutEntry();
  Entry entry;
  entry.key = task_queue::make_entry_key(put.getPriority(), put.getNumber());
  entry.task_id = message.from.key;
  entry.run_id = put.getRunId();
  entry.concurrency_key = str(stored.get().getConcurrencyKey());
  entry.concurrency_limit = stored.get().getConcurrencyLimit();
  entry.demands = task_queue::read_amounts(stored.get().getResources());
  const EntryKey key = entry.key;
  if (!queue.entries.emplace(key, std::move(entry)).second) {
    model_.violation("task " + message.from.key + ": one entry is put twice");
  }
}

void Queues::note_move(Queue& queue, const EntryKey& from, const EntryKey& to) {
  auto moved = queue.entries.extract(from);
  if (moved.empty()) return;  // given away a moment ago
  moved.key() = moved.mapped().key = to;
  queue.entries.insert(std::move(moved));
}

void Queues::note_await(Queue& queue, const Message& message, const Effects& effects) {
  Stored<M> stored(message.body);
  const auto m = stored.get().getAwait();
  const auto known = queue.waiters.find(m.getSession());
  const std::int32_t before = known == queue.waiters.end() ? 0 : known->second.slots;
  Stored<schema::AwaitAnswer> answer(effects.replies.at(0).body.value());
  const auto removed = std::clamp(-m.getSlots(), 0, before);
  if (static_cast<std::int32_t>(answer.get().getRemoved()) != removed) {
    model_.violation("worker " + name_of(m.getWorker()) + " is told of " +
                     std::to_string(answer.get().getRemoved()) + " slots taken back, not of " +
                     std::to_string(removed));
  }
  if (known == queue.waiters.end() && m.getSlots() <= 0) return;
  Waiter& waiter = queue.waiters[m.getSession()];
  waiter.worker = name_of(m.getWorker());
  waiter.slots = std::max(before + m.getSlots(), 0);
  if (m.getSlots() <= 0) return;
  waiter.offer.reset();
  if (stored.get().getLimited()) {
    waiter.offer = task_queue::read_amounts(stored.get().getResources());
  }
}

// A run that its task refused was nobody's: its slot is free again.
void Queues::note_answer(Queue& queue, const Message& message) {
  Stored<M> stored(message.body);
  const auto answer = stored.get().getClaimAnswer();
  if (answer.getAccepted()) return;
  queue.claimed.erase(answer.getClaimedNumber());
  const auto waiter = queue.waiters.find(answer.getOfSession());
  if (waiter != queue.waiters.end()) waiter->second.slots += 1;
}

void Queues::note_quarantine(Queue& queue, const Message& message) {
  Stored<M> stored(message.body);
  const auto m = stored.get().getQuarantine();
  const std::string worker = name_of(m.getQuarantined());
  const Instant until{m.getUntil()};
  heard_.emplace(str(m.getQuarantined().getTaskQueueId()) + "/" + worker, until);
  if (until > model_.now()) {
    queue.quarantines[worker] = until;
  } else {
    queue.quarantines.erase(worker);
  }
}

// ---- What is given away ----

void Queues::give(const std::string& name, Queue& queue, const Send& send) {
  if (send.to.kind != kinds::task) return;
  Stored<schema::TaskMessage> stored(send.body);
  if (!stored.get().isClaimRun()) return;
  const auto m = stored.get().getClaimRun();
  const std::string what =
      "queue " + name + " gives away " + run_text(send.to.key, m.getEntryRunId());
  const auto found = std::ranges::find_if(queue.entries, [&](const auto& e) {
    return e.second.task_id == send.to.key && e.second.run_id == m.getEntryRunId();
  });
  if (found == queue.entries.end()) return model_.violation(what + ", which does not wait there");
  const Entry entry = found->second;
  if (is_held_back(queue, entry)) model_.violation(what + ", more than its limit allows");
  if (stored.get().getQuestion() == 0) {
    const auto waiter = queue.waiters.find(m.getEntrySession());
    if (waiter == queue.waiters.end()) return model_.violation(what + " to nobody who waits");
    check_turn(queue, entry, waiter->second, what);
  }
  queue.entries.erase(found);
  if (!counts(entry)) return;
  const auto mark = task_queue::worker_mark(name_of(m.getEntryWorker()));
  queue.claimed[entry.key.number] = {entry.concurrency_key, mark, entry.demands};
}

void Queues::check_turn(Queue& queue, const Entry& entry, Waiter& waiter, const std::string& what) {
  const std::string whom = what + " to " + waiter.worker;
  if (waiter.slots <= 0) model_.violation(whom + ", beyond its window");
  waiter.slots -= 1;
  const auto quarantine = queue.quarantines.find(waiter.worker);
  // One that ended is over, whatever the clock has been set to since.
  if (quarantine != queue.quarantines.end() && quarantine->second > model_.latest()) {
    model_.violation(whom + ", which is in quarantine");
  }
  const Entry* first = first_for(queue, waiter);
  if (first == nullptr) return model_.violation(whom + ", which has no room for it");
  if (first->key != entry.key) {
    model_.violation(
        whom + " before " + run_text(first->task_id, first->run_id) +
        (first->key.behind < entry.key.behind ? ", which is more urgent" : ", which is older"));
  }
}

// ---- After a crash, and at rest ----

void Queues::restarted(Host& host) {
  queues_.clear();
  for (const auto& shard : host.cut()) read(*shard);
}

void Queues::read(const Snapshot& shard) {
  std::map<std::uint64_t, std::string> names;
  scan_names(shard, kinds::task_queue, "", "", [&](std::string_view key, std::uint64_t number) {
    names.emplace(number, key);
    return true;
  });
  each_entry(shard, [&](std::uint64_t actor, const Entry& entry) {
    queues_[names[actor]].entries.emplace(entry.key, entry);
  });
  const std::string prefix = task_queue::claimed_prefix();
  shard.scan(tables::queue_admitted.id, {}, [&](std::string_view key, WordSpan words) {
    const auto own = key.substr(8);
    if (!own.starts_with(prefix)) return true;
    const auto claimed = task_queue::decode_claimed(words);
    queues_[names[KeyReader(key).u64()]].claimed[KeyReader(own.substr(prefix.size())).u64()] = {
        claimed.concurrency_key, claimed.worker, claimed.demands};
    return true;
  });
  shard.scan(tables::queue_quarantines.id, {}, [&](std::string_view key, WordSpan words) {
    KeyReader reader(key);
    Queue& queue = queues_[names[reader.u64()]];
    std::string worker(reader.text());
    worker += "/" + std::string(reader.text());
    queue.quarantines[worker] = Instant{Stored<schema::QuarantineRow>(words).get().getUntil()};
    return true;
  });
}

void Queues::quarantined(const std::string& worker, Instant until) {
  if (!heard_.contains({worker, until})) {
    model_.violation("the quarantine of " + worker + " was answered before its queue knew of it");
  }
}

void Queues::at_rest(Host& host) {
  for (const auto& [name, queue] : queues_) check_waiters(name, queue);
  check_quarantines(host);
}

// Requests are left out: those that only repeat another one wait for its answer, not for runs.
void Queues::check_waiters(const std::string& name, const Queue& queue) {
  for (const auto& [session, waiter] : queue.waiters) {
    if (waiter.request || waiter.slots <= 0 || queue.quarantines.contains(waiter.worker)) continue;
    const Entry* first = first_for(queue, waiter);
    if (first == nullptr) continue;
    model_.violation("queue " + name + ": " + run_text(first->task_id, first->run_id) +
                     " waits, and so does worker " + waiter.worker);
  }
}

// What workers' records say of quarantines, and what their queues do.
void Queues::check_quarantines(Host& host) {
  std::map<std::string, Instant> recorded;  // by worker with its queue
  std::string next;
  for (const auto& w : worker::list_workers(*host.snapshot(), "", Page{1'000, ""}, next)) {
    if (!w.is_quarantined(model_.latest())) continue;
    const std::string worker = w.worker_group + "/" + w.worker_id;
    const auto& known = queues_[w.task_queue_id].quarantines;
    const auto found = known.find(worker);
    if (found == known.end() || found->second != w.quarantine_until) {
      model_.violation("worker " + worker + " is in quarantine, and its queue " + w.task_queue_id +
                       " has not been told so");
    }
    recorded.emplace(w.task_queue_id + "/" + worker, w.quarantine_until);
  }
  for (const auto& [name, queue] : queues_) {
    for (const auto& [worker, until] : queue.quarantines) {
      if (until <= model_.latest() || recorded.contains(name + "/" + worker)) continue;
      model_.violation("queue " + name + " keeps " + worker + " in quarantine, which is not");
    }
  }
}

}  // namespace troupe::sim
