// One task queue: runs that wait, most urgent first, and workers that wait for them.
//
// Entries are rows; the first thousand or so are also in memory (the window), so that a queue of a
// million costs what a short one costs. Waiting workers are in no row: after a restart they ask
// again.
//
// Invariants:
//   Q1  the window is the beginning of the queue: no row sorts before its last entry and is not in
//   it; Q2  `pending` is the number of entry rows; Q3  at rest, entries or slots are left over,
//   never both.
#pragma once

#include "runtime/actor/effects.h"
#include "runtime/base/time.h"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::task_queue {

/// Order of claims: urgency first, then age.
struct EntryKey {
  std::uint8_t behind = 0;  // 7 - rank: smaller is more urgent
  std::uint64_t number = 0;
  auto operator<=>(const EntryKey&) const = default;
};

struct Entry {
  EntryKey key;
  std::string task_id;
  std::uint32_t run_id = 0;
  Instant inserted;
};

/// A connected worker that takes `slots` more claims.
struct Waiter {
  std::uint64_t session = 0;
  std::string worker_group;
  std::string worker_id;
  std::int32_t slots = 0;
  std::uint64_t turn = 0;  // the smallest is served next
};

struct QueueState {
  bool exists = false;
  std::string task_queue_id;
  std::uint64_t pending = 0;
  Instant last_active;
  Instant expires;

  // Not in the queue's own row.
  std::map<EntryKey, Entry> window;
  bool whole = false;                                       // the window holds every entry
  std::map<std::uint64_t, Waiter> waiters;                  // by session
  std::set<std::pair<std::uint64_t, std::uint64_t>> turns;  // (turn, session) of those with slots
  std::uint64_t next_turn = 1;
};

/// What a message changes. The state is too large to copy for each.
struct Changes {
  std::optional<Entry> added;
  std::vector<EntryKey> removed;             // entries that were there
  std::vector<Waiter> waiters;               // new or changed
  std::optional<std::uint64_t> left;         // session
  std::optional<std::vector<Entry>> refill;  // the new window
  bool refill_whole = false;
  bool exists = false;            // the queue has a row from now on
  std::optional<Instant> active;  // a worker asked
  std::uint64_t next_turn = 0;
};

inline constexpr std::size_t window_goal = 1'000;
inline constexpr std::size_t window_max = 3'000;

void apply(QueueState& state, Changes changes);

}  // namespace troupe::task_queue
