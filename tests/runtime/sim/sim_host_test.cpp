#include "runtime/sim/sim_host.h"

#include "tests/runtime/sim/counters.h"

#include <catch2/catch.hpp>

#include <cstdio>

namespace troupe::test {
namespace {

constexpr sim::Faults all_faults{1, 10, 10, 5};

void require_none(const std::vector<std::string>& findings, std::uint64_t seed) {
  INFO("seed " << seed);
  for (const auto& finding : findings) UNSCOPED_INFO(finding);
  REQUIRE(findings.empty());
}

TEST_CASE("additions happen once, whatever happens to the process", "[sim]") {
  const auto shards = GENERATE(1U, 3U);
  sim::SimCounts sum;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Counters counters({seed, shards, all_faults});
    counters.run(5'000);
    require_none(counters.finish(), seed);
    const auto counts = counters.host().counts();
    sum.crashes += counts.crashes;
    sum.torn += counts.torn;
    sum.disk_full += counts.disk_full;
    sum.syncs_failed += counts.syncs_failed;
    sum.timers += counts.timers;
    sum.passivations += counts.passivations;
    CHECK(counters.acknowledged() > 200);
  }
  CHECK(sum.crashes > 200);
  CHECK(sum.torn > 20);
  CHECK(sum.disk_full > 50);
  CHECK(sum.syncs_failed > 20);
  CHECK(sum.timers > 1'000);
  CHECK(sum.passivations > 1'000);
}

}  // namespace
}  // namespace troupe::test
