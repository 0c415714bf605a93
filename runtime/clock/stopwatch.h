// How long something took: for metrics and benchmarks, never for decisions.
#pragma once

#include <chrono>

namespace troupe {

class Stopwatch {
 public:
  /// Since construction.
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace troupe
