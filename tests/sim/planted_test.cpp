// The model finds what is wrong on purpose: without it, its silence would say nothing.
#include "runtime/base/planted.h"

#include "tests/sim/world.h"

#include <catch2/catch.hpp>

#include <cstdio>
#include <optional>

namespace troupe::sim {
namespace {

constexpr std::uint64_t seeds_max = 100;
constexpr std::uint64_t steps = 5'000;

struct PlantedHere {
  explicit PlantedHere(Bug bug) { plant(bug); }
  ~PlantedHere() { plant(Bug::none); }
};

struct Planting {
  Bug bug;
  const char* name;
};

// The first world in which something is violated.
std::optional<Report> first_finding() {
  for (std::uint64_t seed = 1; seed <= seeds_max; ++seed) {
    Report report = World({seed, steps}).run();
    if (!report.violations.empty()) return report;
  }
  return std::nullopt;
}

TEST_CASE("each planted bug is found", "[sim]") {
  const auto planting = GENERATE(values<Planting>({
      {Bug::reply_before_sync, "reply_before_sync"},
      {Bug::repeat_before_first, "repeat_before_first"},
      {Bug::keep_inbox_row, "keep_inbox_row"},
      {Bug::forget_timer, "forget_timer"},
      {Bug::no_fencing, "no_fencing"},
      {Bug::deliver_before_queued, "deliver_before_queued"},
      {Bug::passivate_early, "passivate_early"},
      {Bug::lose_wake_up, "lose_wake_up"},
      {Bug::lanes_last, "lanes_last"},
      {Bug::overrun_window, "overrun_window"},
      {Bug::serve_quarantined, "serve_quarantined"},
      {Bug::forget_quarantine, "forget_quarantine"},
      {Bug::lose_match, "lose_match"},
      {Bug::keep_place, "keep_place"},
      {Bug::finish_without_bytes, "finish_without_bytes"},
      {Bug::drop_record, "drop_record"},
  }));
  const PlantedHere planted_here(planting.bug);
  INFO(planting.name);
  const auto found = first_finding();
  REQUIRE(found);
  std::printf("sim: %s found at seed %llu, step %llu: %s\n", planting.name,
              static_cast<unsigned long long>(found->seed),
              static_cast<unsigned long long>(found->steps), found->violations.front().c_str());
}

TEST_CASE("the same build without a bug finds nothing", "[sim]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CHECK(World({seed, steps}).run().violations == std::vector<std::string>{});
  }
}

}  // namespace
}  // namespace troupe::sim
