// The simulation finds what is wrong on purpose: without it, its silence would say nothing.
#include "runtime/base/planted.h"

#include "tests/runtime/sim/counters.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

constexpr std::uint64_t seeds_max = 100;

struct PlantedHere {
  explicit PlantedHere(Bug bug) { plant(bug); }
  ~PlantedHere() { plant(Bug::none); }
};

/// Whether one of the seeds finds something.
bool is_found(std::uint32_t shards) {
  for (std::uint64_t seed = 1; seed <= seeds_max; ++seed) {
    Counters counters({seed, shards, {1, 20, 10, 5}});
    counters.run(5'000);
    if (!counters.finish().empty()) return true;
  }
  return false;
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
  CHECK(is_found(GENERATE(1U, 3U)));
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
