// What workers do again and again is written down now and then. Source: spec/queue.md, 10.1.
#pragma once

#include "runtime/base/time.h"

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

namespace troupe::server {

/// When somebody was last written down. Thread: any.
class Sightings {
 public:
  /// How long what was written down is good enough.
  static constexpr Duration frequency{30 * 60 * 1'000};
  /// Beyond that all are forgotten, which costs a row each.
  static constexpr std::size_t known_max = 100'000;

  /// Whether to write `name` down, at a time that never goes back; if so it counts as done.
  bool is_due(const std::string& name, Duration elapsed);

  /// It could not be written down.
  void forget(const std::string& name);

 private:
  std::mutex mutex_;  // guards the rest
  std::unordered_map<std::string, Duration> known_;
};

}  // namespace troupe::server
