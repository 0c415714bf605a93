// How often children may fail before their supervisor gives up: restart policy as data.
#pragma once

#include "runtime/base/time.h"

#include <cstddef>
#include <deque>

namespace troupe {

class RestartIntensity {
 public:
  struct Limit {
    std::size_t restarts_max = 5;
    Duration period{10'000};
  };

  RestartIntensity() = default;
  explicit RestartIntensity(Limit limit) : limit_(limit) {}

  /// Counts one failure at `now` (elapsed time). False: too many within the period; escalate.
  bool allow(Duration now) {
    while (!times_.empty() && now - times_.front() > limit_.period) times_.pop_front();
    times_.push_back(now);
    return times_.size() <= limit_.restarts_max;
  }

 private:
  Limit limit_;
  std::deque<Duration> times_;
};

}  // namespace troupe
