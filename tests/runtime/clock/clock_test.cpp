#include "runtime/clock/clock.h"

#include "runtime/base/assert.h"

#include <catch2/catch.hpp>

using namespace troupe;

TEST_CASE("the system's clocks", "[clock]") {
  const SystemClock clock;

  SECTION("tell a time of day after this was written") {
    CHECK(clock.wall_now() > Instant{1'750'000'000'000});
    CHECK(wall_now() >= clock.wall_now() - Duration{60'000});
  }
  SECTION("never let elapsed time fall") {
    Duration last = clock.elapsed();
    CHECK(last > Duration{0});
    for (int i = 0; i < 1000; ++i) {
      const auto now = elapsed_now();
      CHECK(now >= last);
      last = now;
    }
  }
}

TEST_CASE("a manual clock", "[clock]") {
  ManualClock clock(Instant{1'000}, Duration{10});

  SECTION("stands still") {
    CHECK(clock.wall_now() == Instant{1'000});
    CHECK(clock.elapsed() == Duration{10});
  }
  SECTION("advances both times") {
    clock.advance(Duration{5});
    CHECK(clock.wall_now() == Instant{1'005});
    CHECK(clock.elapsed() == Duration{15});
  }
  SECTION("steps the time of day alone") {
    clock.set_wall(Instant{500});
    CHECK(clock.wall_now() == Instant{500});
    CHECK(clock.elapsed() == Duration{10});
  }
  SECTION("does not run backwards") {
    CHECK_THROWS_AS(clock.advance(Duration{-1}), AssertionError);
  }
}
