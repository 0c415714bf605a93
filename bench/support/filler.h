// Fills a store with pending tasks fast: the platform's own actors in this process, without syncs.
#pragma once

#include "runtime/base/time.h"

#include <cstddef>
#include <string>

namespace troupe::bench {

struct FillPlan {
  std::size_t tasks = 0;
  std::size_t tasks_a_group = 1'000;
  std::size_t queues = 1;  // `bench/q0`, `bench/q1`...: tasks go round
  Instant now;             // when they are made
  Instant deadline;
};

/// Fills the store of a data directory that no server has open. Returns tasks per second.
double fill_store(const std::string& data_dir, const FillPlan& plan);

}  // namespace troupe::bench
