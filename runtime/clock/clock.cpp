#include "runtime/clock/clock.h"

#include "runtime/base/assert.h"

#include <time.h>

namespace troupe {

namespace {

std::int64_t read_ms(clockid_t id) {
  timespec t{};
  TROUPE_ENSURES(clock_gettime(id, &t) == 0);
  return static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
}

}  // namespace

Instant wall_now() {
  return {read_ms(CLOCK_REALTIME)};
}

Duration elapsed_now() {
  return Duration{read_ms(CLOCK_BOOTTIME)};
}

Instant SystemClock::wall_now() const {
  return troupe::wall_now();
}

Duration SystemClock::elapsed() const {
  return troupe::elapsed_now();
}

ManualClock::ManualClock(Instant wall, Duration elapsed)
    : wall_ms_(wall.ms), elapsed_ms_(elapsed.count()) {}

Instant ManualClock::wall_now() const {
  return {wall_ms_.load()};
}

Duration ManualClock::elapsed() const {
  return Duration{elapsed_ms_.load()};
}

void ManualClock::advance(Duration d) {
  TROUPE_EXPECTS(d >= Duration{0});
  wall_ms_ += d.count();
  elapsed_ms_ += d.count();
}

void ManualClock::set_wall(Instant t) {
  wall_ms_ = t.ms;
}

}  // namespace troupe
