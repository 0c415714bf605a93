// The thread that fires the timers of a shard.
//
// It sleeps until the next one is due, a nearer one is set, a credit comes back or the wall clock
// is stepped; it never naps. What is overdue after a start fires in portions under credits
// (invariant 8), so that a million late timers do not push everybody else aside.
#pragma once

#include "runtime/actor/timers.h"

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>

namespace troupe {

class TimerService {
 public:
  struct Hooks {
    std::function<void(Delivery)> deliver;
    /// Commits a row of the runtime's own.
    std::function<void(RowOp)> commit;
    /// Takes a credit for one delivery. Called under the table's lock: it must not call the table.
    /// None: there is always one. After a refusal nothing fires until `credit_returned`.
    TimerTable::TakeCredit may_fire;
  };

  /// Borrows both, which outlive it; the table is told to ring it. Begins with `start`.
  TimerService(const Clock& clock, TimerTable& table, Hooks hooks);
  ~TimerService();
  TimerService(const TimerService&) = delete;
  TimerService& operator=(const TimerService&) = delete;

  void start();
  /// Nothing is delivered from now on.
  void stop();

  /// Fires at most `limit` of what is due, and answers how many. Instead of `start`: for who moves
  /// step by step.
  std::size_t step(std::size_t limit);

  /// There is a credit where there was none. Any thread.
  void credit_returned() { alarm_->ring(); }

 private:
  void run();
  TimerTable::Fired fire(std::size_t limit);

  // Constant after construction.
  TimerTable& table_;
  const Hooks hooks_;
  const std::unique_ptr<Alarm> alarm_;

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace troupe
