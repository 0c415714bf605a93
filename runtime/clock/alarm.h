// Sleeping until a time comes: the one way in which the runtime waits for a clock.
#pragma once

#include "runtime/base/time.h"

#include <memory>
#include <optional>

namespace troupe {

/// One thread waits; any thread may `ring`.
class Alarm {
 public:
  /// Until when to sleep, whichever comes first. None: not on this clock's account.
  struct Times {
    std::optional<Instant> wall;
    std::optional<Duration> awake;  // as of Clock::awake
  };

  virtual ~Alarm() = default;

  /// Sleeps until one of `times` has come, somebody rang, the wall clock was stepped or the machine
  /// woke from sleep. May return early: look at the clock again.
  virtual void wait(const Times& times) = 0;

  /// Ends the wait under way, or else the next one.
  virtual void ring() = 0;
};

/// An alarm on the kernel's clocks, which says so when the wall clock is stepped: nothing naps.
std::unique_ptr<Alarm> make_kernel_alarm();

}  // namespace troupe
