// The only home of clock reads. Whoever needs the time takes a `const Clock&`, or `now` itself.
#pragma once

#include "runtime/base/time.h"

#include <atomic>
#include <cstdint>

namespace troupe {

/// Two clocks that part from each other when an operator or NTP steps the first.
///
/// Thread safety: every member may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  /// The time of day: for deadlines, schedules and what people read. May jump either way.
  virtual Instant wall_now() const = 0;

  /// Time since boot, a suspend included (CLOCK_BOOTTIME): for leases and delays. Never falls.
  virtual Duration elapsed() const = 0;
};

/// The kernel's clocks.
class SystemClock final : public Clock {
 public:
  Instant wall_now() const override;
  Duration elapsed() const override;
};

/// The kernel's clocks, for the edges: programs and log lines. A rule takes `now` as an input.
Instant wall_now();
Duration elapsed_now();

/// A clock that stands still until told otherwise: for tests and simulation.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Instant wall = Instant{1'767'225'600'000}, Duration elapsed = Duration{0});

  Instant wall_now() const override;
  Duration elapsed() const override;

  /// Time passes: both clocks move. Requires d >= 0.
  void advance(Duration d);

  /// The time of day is stepped; elapsed time does not notice.
  void set_wall(Instant t);

 private:
  std::atomic<std::int64_t> wall_ms_;
  std::atomic<std::int64_t> elapsed_ms_;
};

}  // namespace troupe
