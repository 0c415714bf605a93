// A timer table over a store in memory, driven step by step: changes wait in a queue until they are
// committed, and a crash loses those that were not.
#pragma once

#include "runtime/actor/timers.h"
#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>

#include <deque>

namespace troupe::test {

inline TimerEntry timer(std::string name, Instant due, std::uint64_t attempt = 1) {
  return {due, 7, std::move(name), ActorId{KindId{3}, "actor"}, attempt, false};
}

struct ReservedNumbers : Numbers {
  ReservedNumbers() : Numbers(0) { set_reserved(1'000'000'000); }
};

class TimerBench {
 public:
  static constexpr Instant begin{1'000'000'000};

  explicit TimerBench(TimerOptions with = {}) : options(with) { restart(); }

  /// The process ends and starts anew: what was not committed is lost.
  void restart() {
    queue_.clear();
    sequence_ = store.snapshot()->state().sequence;
    table = std::make_unique<TimerTable>(clock, store, numbers, options);
    look();
  }
  void reboot(Duration off) {
    clock.reboot(off);
    restart();
  }

  /// What the service does when it wakes. Answers whether there was anything to store.
  bool look() {
    auto row = table->observe_clock();
    if (row) enqueue({std::move(*row)});
    return row.has_value();
  }
  void step(Duration by) {
    clock.set_wall(clock.wall_now() + by);
    look();
  }
  void suspend(Duration d) {
    clock.suspend(d);
    look();
  }

  /// As an actor's handler does, with one transaction for all.
  void change(const std::vector<TimerEntry>& timers, bool set) {
    std::vector<RowOp> rows;
    for (const auto& one : timers) {
      rows.push_back({tables::timers.id, one.key(), set ? std::optional(one.row()) : std::nullopt});
    }
    enqueue(std::move(rows));
    for (const auto& one : timers) table->changed(one, set, sequence_);
  }
  TimerEntry set(const TimerEntry& one) {
    change({one}, true);
    return one;
  }
  void clear(const TimerEntry& one) { change({one}, false); }
  /// A delay of so long from now.
  TimerEntry set_delay(std::string name, Duration d, std::uint64_t attempt = 1) {
    const auto now = clock.wall_now();
    TimerEntry one = timer(std::move(name), table->delay_due(now + d, now), attempt);
    one.delay = true;
    return set(one);
  }

  /// Puts the oldest `count` changes on disk.
  void commit(std::size_t count) {
    std::vector<RowOp> rows;
    StoreState state = store.snapshot()->state();
    for (; count > 0 && !queue_.empty(); --count) {
      state.sequence = queue_.front().first;
      for (auto& row : queue_.front().second) rows.push_back(std::move(row));
      queue_.pop_front();
    }
    REQUIRE(store.apply(encode_batch(rows, state, 0)).ok());
  }
  void commit() { commit(queue_.size()); }
  std::size_t waiting() const { return queue_.size(); }

  /// Fires all that is due and says their names.
  std::vector<std::string> fire() { return names(table->fire_due(1'000'000)); }
  static std::vector<std::string> names(const TimerTable::Fired& fired) {
    std::vector<std::string> all;
    for (const auto& delivery : fired.deliveries) all.push_back(delivery.message.timer);
    return all;
  }

  const TimerOptions options;
  ManualClock clock{begin, Duration{50'000}};
  MemoryStore store;
  ReservedNumbers numbers;
  std::unique_ptr<TimerTable> table;

 private:
  void enqueue(std::vector<RowOp> rows) { queue_.emplace_back(++sequence_, std::move(rows)); }

  std::uint64_t sequence_ = 0;
  std::deque<std::pair<std::uint64_t, std::vector<RowOp>>> queue_;
};

using Names = std::vector<std::string>;

}  // namespace troupe::test
