// The only home of clock reads. Whoever needs the time takes a `const Clock&`, or `now` itself.
//
//   wall     time of day (CLOCK_REALTIME): stepped by operators and NTP, either way
//   elapsed  time since boot (CLOCK_BOOTTIME): never falls, goes on while the machine sleeps
//   awake    elapsed time without what was slept (CLOCK_MONOTONIC)
#pragma once

#include "runtime/base/time.h"
#include "runtime/clock/alarm.h"

#include <cstdint>
#include <memory>
#include <string>

namespace troupe {

/// Three clocks that part from each other when the first is stepped or the machine sleeps.
///
/// Thread safety: every member may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  /// The time of day: for deadlines, schedules and what people read. May jump either way.
  virtual Instant wall_now() const = 0;

  /// Time since boot, a suspend included. Never falls.
  virtual Duration elapsed() const = 0;

  /// Time since boot, a suspend left out: for leases and delays. Never falls; what `elapsed` has
  /// gained on it was slept.
  virtual Duration awake() const = 0;

  /// Names the boot that `elapsed` and `awake` count from; empty if the system does not say.
  virtual std::string boot_id() const = 0;

  /// A new alarm on these clocks, which outlive it.
  virtual std::unique_ptr<Alarm> make_alarm() const = 0;
};

/// The kernel's clocks.
class SystemClock final : public Clock {
 public:
  Instant wall_now() const override;
  Duration elapsed() const override;
  Duration awake() const override;
  std::string boot_id() const override;
  std::unique_ptr<Alarm> make_alarm() const override;
};

/// The kernel's clocks, for the edges: programs and log lines. A rule takes `now` as an input.
Instant wall_now();
Duration elapsed_now();

/// Clocks that stand still until told otherwise: for tests and simulation.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant wall = Instant{1'767'225'600'000}, Duration elapsed = Duration{0});
  ~ManualClock() override;

  Instant wall_now() const override;
  Duration elapsed() const override;
  Duration awake() const override;
  std::string boot_id() const override;
  std::unique_ptr<Alarm> make_alarm() const override;

  /// Time passes: all clocks move. Requires d >= 0.
  void advance(Duration d);

  /// The time of day is stepped; nothing else notices.
  void set_wall(Instant t);

  /// The machine sleeps: all but `awake` move. Requires d >= 0.
  void suspend(Duration d);

  /// The machine is off for `d` and starts anew: time of day moves, the others begin at zero under
  /// another boot id. Whoever uses the clock starts anew, too. Requires d >= 0.
  void reboot(Duration d);

 private:
  struct Hands;
  class ManualAlarm;

  template <class Change>
  void change(Change&& change);

  std::shared_ptr<Hands> hands_;  // shared with the alarms
};

}  // namespace troupe
