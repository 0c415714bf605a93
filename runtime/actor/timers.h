// The timer table of a shard: says which durable actors are to be woken, and when (invariant 7).
//
//   rows of the store          merged with                in memory
//   [wall | due, actor, name]  changes that may not be    a window of the nearest, for each line
//   [delay | due, actor, name] on disk yet
//
// There are two lines of time. Deadlines and schedules are on the wall clock and follow its steps;
// leases and delays are on a line of their own (delay_line.h), which no step and no suspend moves.
// Both are ranges of one table, sorted by due time. Of each, the window holds all timers up to its
// `horizon`; what is due later is read when the window runs empty, with the changes that the
// snapshot does not know laid over it, so that no timer is missed between memory and disk.
//
// The table has no thread and waits for nothing: the timer service drives it, or a simulation.
#pragma once

#include "runtime/actor/delay_line.h"
#include "runtime/actor/delivery.h"
#include "runtime/clock/clock.h"
#include "runtime/store/numbers.h"
#include "runtime/store/store.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// One timer of one actor.
struct TimerEntry {
  Instant due;  // on its line
  std::uint64_t actor_number = 0;
  std::string name;
  ActorId actor;
  std::uint64_t attempt = 0;
  bool delay = false;  // on the line of delays, not on the wall clock

  /// The key of its row.
  std::string key() const;
  Bytes row() const;
  static TimerEntry decode(std::string_view key, WordSpan row);
};

struct TimerOptions {
  /// After a start, delays that were set before it wait for at least this long: whoever holds a
  /// lease could not renew it while nobody listened.
  Duration hold{0};
  /// Timers that a refill reads, for each line. Other limits are multiples of it.
  std::size_t window = 1'000;
  /// Called for each timer that fires, with the table locked: it counts and returns.
  std::function<void(double late_seconds)> fired = {};
};

/// Since the start, for metrics. Late is measured from the due time, on the timer's line: what came
/// due while nothing ran counts as late.
struct TimerStats {
  std::uint64_t fired = 0;
  double late_seconds = 0;  // of the last one fired
  double late_seconds_max = 0;
  double late_seconds_sum = 0;
  std::size_t in_memory = 0;
  std::uint64_t pending = 0;       // set and not yet done with, on disk or under way
  std::uint64_t clock_parted = 0;  // steps of the wall clock and suspends of 5 s and more
};

/// Thread safety: every member may be called from any thread, `on_nearer` before the others.
class TimerTable {
 public:
  /// Takes a credit for one message, or says that there is none. Called with the table locked.
  using TakeCredit = std::function<bool()>;

  struct Fired {
    std::vector<Delivery> deliveries;
    bool more = false;     // others are due: the limit was reached
    bool refused = false;  // others are due: there was no credit
  };

  /// Reads how far the last process got. Borrows all.
  TimerTable(const Clock& clock, Store& store, Numbers& numbers, TimerOptions options);

  /// Called after a change that makes `next_due` earlier.
  void on_nearer(std::function<void()> nearer) { nearer_ = std::move(nearer); }

  /// The due time on the line of delays of what a handler, called at `now`, wants at `due`.
  Instant delay_due(Instant due, Instant now) const { return line_.now() + (due - now); }

  /// A timer was set or cleared by effects with this place in the committer's queue. Setting one of
  /// the same name clears the old one first.
  void changed(const TimerEntry& entry, bool set, std::uint64_t sequence);

  /// When there will be something to fire; none of both: not before `changed`.
  Alarm::Times next_due();

  /// Takes what is due by now, what has waited longest first: at most `limit`, and one for each
  /// credit.
  Fired fire_due(std::size_t limit, const TakeCredit& may_fire = nullptr);

  /// Looks at the clocks. What has to be committed, if they have parted: a row of its own, in no
  /// order with others. After the construction and each wait of an alarm.
  std::optional<RowOp> observe_clock();

  TimerStats stats() const;

 private:
  using Key = std::string;
  using Window = std::map<Key, TimerEntry>;

  // The timers on one line of time: a range of the table, and its window.
  struct Line {
    Key begin;              // the range is [begin, end)
    Key end;                // empty: the table's
    Key horizon = begin;    // the window holds all timers up to here
    bool complete = false;  // there are none behind the horizon
    Window window;

    bool covers(const Key& key) const { return complete || key <= horizon; }
  };
  struct Recent {
    std::uint64_t sequence = 0;
    bool set = false;
    TimerEntry entry;
  };

  bool take_in(const Key& key, const TimerEntry& entry);
  void take_out(const Key& key, const TimerEntry& entry);
  bool is_known(const Key& key) const;
  void trim(Line& line);
  void prune_recent();
  void fill(Line& line);
  void refill(Line& line);
  Instant not_before(const Line& line, Instant due) const;
  Window* longest_due(Instant wall, Instant delay);
  void count_late(Duration late);
  Delivery delivery_of(const TimerEntry& entry);

  // Constant after construction.
  const Clock& clock_;
  Store& store_;
  Numbers& numbers_;
  const std::size_t window_goal_;
  const std::function<void(double late_seconds)> on_fired_;
  std::function<void()> nearer_;

  mutable std::mutex mutex_;  // guards all below, but `line_.now`
  DelayLine line_;
  Instant hold_until_;  // on the line of delays
  Line wall_;
  Line delay_;
  Window early_;                        // delays set since the start that do not wait for the hold
  std::map<Key, std::uint64_t> fired_;  // attempts that were handed out and are not done with
  std::map<Key, Recent> recent_;        // changes that may not be on disk yet
  std::size_t recent_most_;             // how many, before they are looked through again
  TimerStats stats_;
};

}  // namespace troupe
