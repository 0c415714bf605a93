// Whatever fails, the promises hold: many worlds, each from its seed.
//
//   TROUPE_SIM_SEED   only this seed
//   TROUPE_SIM_SEEDS  how many, from 1 (500)
//   TROUPE_SIM_STEPS  steps with faults in each (5,000)
//   TROUPE_SIM_PART   `2/4`: the third quarter of the seeds, for tests side by side
#include "tests/sim/runner.h"
#include "tests/sim/world.h"

#include <catch2/catch.hpp>

#include <cstdio>

namespace troupe::sim {
namespace {

constexpr std::uint64_t seeds_to_see_all = 50;

TEST_CASE("whatever fails, the promises hold", "[sim]") {
  const auto plan = plan_from_environment();
  Totals totals;
  for (const auto seed : plan.seeds) {
    const Report report = World({seed, plan.steps}).run();
    totals.add(report);
    if (report.violations.empty()) continue;
    FAIL(describe(report, plan.steps));
  }
  std::puts(totals.text().c_str());
  if (totals.seeds < seeds_to_see_all) return;
  // A world in which nothing of a sort happens says nothing about it.
  for (auto reason = Reason::COMPLETED; reason <= Reason::INTERMITTENT_TASK;
       reason = static_cast<Reason>(static_cast<int>(reason) + 1)) {
    INFO("runs that ended for reason " << static_cast<int>(reason));
    CHECK(totals.endings[reason] > 0);
  }
  for (auto verb = Verb::create; verb <= last_verb;
       verb = static_cast<Verb>(static_cast<int>(verb) + 1)) {
    const bool unanswered = verb == Verb::disconnect;
    INFO("commands that were accepted: " << to_text(verb));
    CHECK((totals.accepted[verb] > 0 || unanswered));
  }
  CHECK(totals.crashes > totals.seeds);
  CHECK(totals.recovery_crashes > 0);
  CHECK(totals.clock_steps > totals.seeds);
  CHECK(totals.torn > 0);
  CHECK(totals.disk_full > 0);
  CHECK(totals.passivations > totals.seeds);
}

TEST_CASE("the same seed ends in the same state", "[sim]") {
  for (const std::uint64_t seed : {1'000'001, 1'000'002}) {  // the second has three shards
    const WorldOptions options{seed, 2'000};
    const Report first = World(options).run();
    const Report second = World(options).run();
    CHECK(first.state_hash == second.state_hash);
    CHECK(first.steps == second.steps);
    CHECK(first.commands == second.commands);
  }
}

}  // namespace
}  // namespace troupe::sim
