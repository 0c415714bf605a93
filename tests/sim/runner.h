// What the programs that run many worlds share: which seeds, what came of them.
#pragma once

#include "tests/sim/world.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::sim {

struct Plan {
  std::vector<std::uint64_t> seeds;
  std::uint64_t steps = 5'000;
};

/// From TROUPE_SIM_SEED, TROUPE_SIM_SEEDS, TROUPE_SIM_STEPS and TROUPE_SIM_PART.
Plan plan_from_environment();

/// Sums over worlds.
struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t steps = 0;
  std::uint64_t commands = 0;
  std::uint64_t tasks = 0;
  std::uint64_t commits = 0;
  std::uint64_t timers = 0;
  std::uint64_t passivations = 0;
  std::uint64_t crashes = 0;
  std::uint64_t recovery_crashes = 0;  // among the crashes
  std::uint64_t clock_steps = 0;
  std::uint64_t torn = 0;
  std::uint64_t disk_full = 0;
  std::uint64_t violations = 0;
  std::map<Reason, std::uint64_t> endings;  // runs, by why they ended
  std::map<Verb, std::uint64_t> accepted;   // commands

  void add(const Report& report);
  /// One line for people.
  std::string text() const;
  /// One JSON object.
  std::string json() const;
};

/// A violation, the command that repeats it, and what came before it.
std::string describe(const Report& report, std::uint64_t steps);

}  // namespace troupe::sim
