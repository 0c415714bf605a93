// The simulation finds what is wrong on purpose: without it, its silence would say nothing.
#include "runtime/base/planted.h"

#include "tests/runtime/sim/counters.h"

#include <catch2/catch.hpp>

#include <optional>

namespace troupe::test {
namespace {

constexpr std::uint64_t seeds_max = 100;

struct PlantedHere {
  explicit PlantedHere(Bug bug) { plant(bug); }
  ~PlantedHere() { plant(Bug::none); }
};

/// The first seed that finds something, and what.
std::optional<std::pair<std::uint64_t, std::string>> first_finding(std::uint32_t shards) {
  for (std::uint64_t seed = 1; seed <= seeds_max; ++seed) {
    Counters counters({seed, shards, {1, 20, 10, 5}});
    counters.run(5'000);
    const auto findings = counters.finish();
    if (!findings.empty()) return {{seed, findings.front()}};
  }
  return std::nullopt;
}

struct Planting {
  Bug bug;
  const char* name;
};

TEST_CASE("a planted bug of the runtime is found", "[sim]") {
  const auto planting = GENERATE(values<Planting>({
      {Bug::reply_before_sync, "reply_before_sync"},
      {Bug::repeat_before_first, "repeat_before_first"},
      {Bug::keep_inbox_row, "keep_inbox_row"},
      {Bug::forget_timer, "forget_timer"},
      {Bug::deliver_before_queued, "deliver_before_queued"},
      {Bug::passivate_early, "passivate_early"},
  }));
  const PlantedHere planted_here(planting.bug);
  INFO(planting.name);
  const auto found = first_finding(1);
  REQUIRE(found);
  WARN(planting.name << ": seed " << found->first << ": " << found->second);
}

TEST_CASE("without a bug the same build finds nothing", "[sim]") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Counters counters({seed, 1, {1, 20, 10, 5}});
    counters.run(5'000);
    CHECK(counters.finish().empty());
  }
}

}  // namespace
}  // namespace troupe::test
