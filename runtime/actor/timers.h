// The timer table of a shard: wakes durable actors when their time has come; nothing polls.
//
// Timers are rows, sorted by due time. The nearest are also in memory: a window that ends at
// `horizon_`; what is due later is read when the window runs empty. Rows that wait in the
// committer's queue are merged in, so that a timer is never missed between memory and disk.
//
// Threads: `changed` from any; fires on a thread of its own.
#pragma once

#include "runtime/actor/delivery.h"
#include "runtime/clock/clock.h"
#include "runtime/store/committer.h"

#include <compare>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace troupe {

/// One timer of one actor.
struct TimerEntry {
  Instant due;
  std::uint64_t actor_number = 0;
  std::string name;
  ActorId actor;
  std::uint64_t attempt = 0;
  bool delay = false;

  /// The key of its row.
  std::string key() const;
  Bytes row() const;
  static TimerEntry decode(std::string_view key, WordSpan row);
};

class TimerService {
 public:
  struct Stats {
    std::uint64_t fired = 0;
    double late_seconds = 0;  // of the last one fired
    std::size_t in_memory = 0;
  };

  /// Borrows all; begins to fire with `start`.
  TimerService(const Clock& clock,
               Store& store,
               Numbers& numbers,
               std::function<void(Delivery)> deliver);
  ~TimerService();

  void start(const Committer& committer);
  void stop();

  /// A timer was set or cleared by effects with this place in the committer's queue.
  void changed(const TimerEntry& entry, bool set, std::uint64_t sequence);

  Stats stats() const;

 private:
  using Key = std::string;

  void run();
  void refill();
  void fire_due(std::unique_lock<std::mutex>& lock);

  const Clock& clock_;
  Store& store_;
  Numbers& numbers_;
  std::function<void(Delivery)> deliver_;
  const Committer* committer_ = nullptr;

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::map<Key, TimerEntry> window_;
  std::optional<Key> horizon_;  // the window holds all up to here; none: it holds everything
  struct Recent {
    std::uint64_t sequence = 0;
    bool set = false;
    TimerEntry entry;
  };
  std::map<Key, Recent> recent_;  // changes that may not be on disk yet
  bool loaded_ = false;
  bool stopping_ = false;
  Stats stats_;
  std::thread thread_;
};

}  // namespace troupe
