#include "actors/task_queue/state.h"
#include "runtime/base/assert.h"

#include <algorithm>
#include <iterator>

namespace troupe::task_queue {
namespace {

constexpr Duration queue_outlives_use{24 * 60 * 60 * 1000};

void set_waiter(QueueState& state, Waiter waiter) {
  const auto session = waiter.session;
  const auto old = state.waiters.find(session);
  if (old != state.waiters.end()) state.turns.erase({old->second.turn, session});
  if (waiter.slots > 0) state.turns.insert({waiter.turn, session});
  state.waiters.insert_or_assign(session, std::move(waiter));
}

void add_entry(QueueState& state, Entry entry) {
  state.pending += 1;
  const bool inside =
      state.whole || (!state.window.empty() && entry.key < state.window.rbegin()->first);
  if (!inside) return;
  const EntryKey key = entry.key;
  state.window.emplace(key, std::move(entry));
  if (state.window.size() <= window_max) return;
  state.window.erase(std::next(state.window.begin(), window_goal), state.window.end());
  state.whole = false;
}

}  // namespace

void apply(QueueState& state, Changes changes) {
  if (changes.exists) state.exists = true;
  if (changes.refill) {
    state.window.clear();
    for (auto& entry : *changes.refill) {
      const EntryKey key = entry.key;
      state.window.emplace(key, std::move(entry));
    }
    state.whole = changes.refill_whole;
  }
  if (changes.added) add_entry(state, std::move(*changes.added));
  for (const EntryKey& key : changes.removed) {
    TROUPE_INVARIANT(state.pending > 0);  // Q2
    state.pending -= 1;
    state.window.erase(key);
  }
  if (changes.left) {
    const auto found = state.waiters.find(*changes.left);
    if (found != state.waiters.end()) {
      state.turns.erase({found->second.turn, *changes.left});
      state.waiters.erase(found);
    }
  }
  for (auto& waiter : changes.waiters) set_waiter(state, std::move(waiter));
  if (changes.active) {
    state.last_active = *changes.active;
    state.expires = std::max(state.expires, *changes.active + queue_outlives_use);
  }
  if (changes.next_turn != 0) state.next_turn = changes.next_turn;
}

}  // namespace troupe::task_queue
