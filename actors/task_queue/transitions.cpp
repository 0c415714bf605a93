#include "actors/kinds.h"
#include "actors/task_queue/queue_actor.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"

#include <algorithm>
#include <deque>

namespace troupe::task_queue {
namespace {

using M = schema::TaskQueueMessage;

// Claims handed out by one handler.
constexpr std::size_t matches_max = 64;
// How often a worker's asking is written down.
constexpr Duration active_resolution{60'000};

EntryKey entry_key(schema::Priority priority, std::uint64_t number) {
  return {static_cast<std::uint8_t>(6 - static_cast<int>(priority)), number};
}

std::string row_key(const EntryKey& key) {
  return KeyWriter().u8(key.behind).u64(key.number).prefix();
}

// The first entries, with the changes of this message.
std::deque<Entry> first_entries(const QueueState& s, const Changes& changes) {
  std::deque<Entry> entries;
  for (const auto& [key, entry] : s.window) {
    if (entries.size() == matches_max) break;
    if (std::ranges::find(changes.removed, key) == changes.removed.end()) {
      entries.push_back(entry);
    }
  }
  // An entry behind the window's end must not overtake those that are only on disk.
  const bool inside =
      changes.added &&
      (s.whole || (!s.window.empty() && changes.added->key < s.window.rbegin()->first));
  if (inside) {
    const auto place =
        std::ranges::find_if(entries, [&](const Entry& e) { return changes.added->key < e.key; });
    entries.insert(place, *changes.added);
  }
  return entries;
}

// The waiters whose turn is next, with the changes of this message.
std::deque<Waiter> next_waiters(const QueueState& s, const Changes& changes) {
  std::deque<Waiter> waiters;
  const auto changed = [&](std::uint64_t session) {
    return changes.left == session || std::ranges::any_of(changes.waiters, [&](const Waiter& w) {
             return w.session == session;
           });
  };
  for (const auto& [turn, session] : s.turns) {
    if (waiters.size() == matches_max) break;
    if (!changed(session)) waiters.push_back(s.waiters.at(session));
  }
  for (const Waiter& waiter : changes.waiters) {
    if (waiter.slots <= 0) continue;
    const auto place =
        std::ranges::find_if(waiters, [&](const Waiter& w) { return waiter.turn < w.turn; });
    waiters.insert(place, waiter);
  }
  return waiters;
}

void hand_out(Transition& t, const QueueState& s, const Entry& entry, const Waiter& waiter) {
  t.effects.rows.push_back({tables::queue_entries.id, row_key(entry.key), std::nullopt});
  t.effects.sends.push_back(
      {task_id(entry.task_id), build<schema::TaskMessage>([&](schema::TaskMessage::Builder m) {
         auto claim = m.initClaimRun();
         claim.setEntryRunId(entry.run_id);
         auto worker = claim.getEntryWorker();
         worker.setTaskQueueId(text(s.task_queue_id));
         worker.setWorkerGroup(text(waiter.worker_group));
         worker.setWorkerId(text(waiter.worker_id));
         claim.setEntrySession(waiter.session);
       })});
}

void note_waiter(Changes& changes, const Waiter& waiter) {
  const auto known = std::ranges::find_if(
      changes.waiters, [&](const Waiter& w) { return w.session == waiter.session; });
  if (known == changes.waiters.end()) {
    changes.waiters.push_back(waiter);
  } else {
    *known = waiter;
  }
}

// Gives entries to waiters, one to each in turn. What is left over for later is a message to
// itself.
void match(Transition& t, const QueueState& s, const Context& context) {
  auto entries = first_entries(s, t.changes);
  auto waiters = next_waiters(s, t.changes);
  std::uint64_t turn = std::max(s.next_turn, t.changes.next_turn);
  std::size_t matched = 0;
  while (!entries.empty() && !waiters.empty() && matched < matches_max) {
    Waiter waiter = waiters.front();
    waiters.pop_front();
    const Entry entry = entries.front();
    entries.pop_front();
    hand_out(t, s, entry, waiter);
    if (t.changes.added && t.changes.added->key == entry.key) {
      // It came and went within this message: the row is never written.
      std::erase_if(t.effects.rows,
                    [&](const RowChange& row) { return row.key == row_key(entry.key); });
      t.changes.added.reset();
    } else {
      t.changes.removed.push_back(entry.key);
    }
    waiter.slots -= 1;
    waiter.turn = turn++;
    note_waiter(t.changes, waiter);
    if (waiter.slots > 0) waiters.push_back(waiter);
    ++matched;
  }
  t.changes.next_turn = turn;
  const std::size_t left_in_window = s.window.size() + (t.changes.added ? 1 : 0) -
                                     std::min(s.window.size(), t.changes.removed.size());
  const bool refill = !s.whole && left_in_window == 0;
  const bool more = matched == matches_max || (refill && !waiters.empty());
  if (!more) return;
  t.effects.sends.push_back(
      {context.self, build<M>([](M::Builder m) { m.setContinueMatching(); })});
}

Result<Transition> on_await(const QueueState& s,
                            M::Await::Reader m,
                            const Message& message,
                            const Context& context) {
  Transition t;
  t.changes.exists = true;
  if (!s.last_active || context.now - s.last_active > active_resolution) {
    t.changes.active = context.now;
  }
  Waiter waiter;
  const auto found = s.waiters.find(m.getSession());
  if (found != s.waiters.end()) {
    waiter = found->second;
  } else {
    waiter.session = m.getSession();
    waiter.worker_group = str(m.getWorker().getWorkerGroup());
    waiter.worker_id = str(m.getWorker().getWorkerId());
  }
  if (waiter.slots <= 0) {
    waiter.turn = s.next_turn;
    t.changes.next_turn = s.next_turn + 1;
  }
  const std::int32_t removed = std::clamp(-m.getSlots(), 0, std::max(waiter.slots, 0));
  waiter.slots = std::max(waiter.slots + m.getSlots(), 0);
  t.changes.waiters.push_back(waiter);
  t.effects.replies.push_back(
      {message.reply_to, build<schema::AwaitAnswer>([removed](schema::AwaitAnswer::Builder a) {
         a.setRemoved(static_cast<std::uint32_t>(removed));
       }),
       false});
  match(t, s, context);
  return t;
}

Result<Transition> on_put_entry(const QueueState& s,
                                M::PutEntry::Reader m,
                                const Message& message,
                                const Context& context) {
  Transition t;
  t.changes.exists = true;
  Entry entry;
  entry.key = entry_key(m.getPriority(), m.getNumber());
  entry.task_id = message.from.key;
  entry.run_id = m.getRunId();
  entry.inserted = context.now;
  t.effects.rows.push_back({tables::queue_entries.id, row_key(entry.key),
                            build<schema::EntryRow>([&entry](schema::EntryRow::Builder row) {
                              row.setTaskId(text(entry.task_id));
                              row.setRunId(entry.run_id);
                              row.setInserted(entry.inserted.ms);
                            })});
  t.changes.added = std::move(entry);
  t.effects.sends.push_back(
      {message.from,
       build<schema::TaskMessage>(
           [run = m.getRunId()](schema::TaskMessage::Builder a) { a.setEntryStored(run); })});
  match(t, s, context);
  return t;
}

Result<Transition> on_remove_entry(const QueueState& s,
                                   M::RemoveEntry::Reader m,
                                   const Context& context) {
  Transition t;
  const EntryKey key = entry_key(m.getAtPriority(), m.getAtNumber());
  const bool there = s.window.contains(key) ||
                     context.rows.get(tables::queue_entries.id, row_key(key)).has_value();
  if (!there) return t;  // claimed a moment ago: the task refuses that claim
  t.effects.rows.push_back({tables::queue_entries.id, row_key(key), std::nullopt});
  t.changes.removed.push_back(key);
  return t;
}

Result<Transition> on_claim_answer(const QueueState& s,
                                   M::ClaimAnswer::Reader m,
                                   const Context& context) {
  Transition t;
  const auto found = s.waiters.find(m.getOfSession());
  if (m.getAccepted() || found == s.waiters.end()) return t;
  Waiter waiter = found->second;
  if (waiter.slots == 0) {
    waiter.turn = s.next_turn;
    t.changes.next_turn = s.next_turn + 1;
  }
  waiter.slots += 1;
  t.changes.waiters.push_back(waiter);
  match(t, s, context);
  return t;
}

Result<Transition> on_continue(const QueueState& s, const Context& context) {
  Transition t;
  if (!s.whole && s.window.empty()) {
    t.changes.refill = read_window(context.rows);
    t.changes.refill_whole = t.changes.refill->size() < window_goal;
    if (t.changes.refill->empty()) return t;
    // The match comes with the window in place.
    t.effects.sends.push_back(
        {context.self, build<M>([](M::Builder m) { m.setContinueMatching(); })});
    return t;
  }
  match(t, s, context);
  return t;
}

}  // namespace

Result<Transition> transition(const QueueState& s, const Message& message, const Context& context) {
  Stored<M> stored(message.body);
  const auto m = stored.get();
  switch (m.which()) {
    case M::AWAIT: return on_await(s, m.getAwait(), message, context);
    case M::LEAVE: {
      Transition t;
      t.changes.left = m.getLeave();
      t.effects.replies.push_back({message.reply_to, Bytes{}, false});
      return t;
    }
    case M::PUT_ENTRY: return on_put_entry(s, m.getPutEntry(), message, context);
    case M::REMOVE_ENTRY: return on_remove_entry(s, m.getRemoveEntry(), context);
    case M::CLAIM_ANSWER: return on_claim_answer(s, m.getClaimAnswer(), context);
    case M::CONTINUE_MATCHING: return on_continue(s, context);
  }
  return Error{Errc::invalid, "a message that this version does not know"};
}

}  // namespace troupe::task_queue
