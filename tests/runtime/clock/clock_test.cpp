#include "runtime/clock/clock.h"

#include "runtime/base/assert.h"

#include <catch2/catch.hpp>

#include <functional>
#include <thread>

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
  SECTION("count what was slept apart") {
    const auto awake = clock.awake();
    CHECK(awake > Duration{0});
    CHECK(awake <= clock.elapsed());
    CHECK(clock.awake() >= awake);
  }
  SECTION("name their boot") {
    CHECK(clock.boot_id() == SystemClock().boot_id());
    CHECK(clock.boot_id().size() == 36);  // a UUID
  }
}

TEST_CASE("an alarm of the system's clocks", "[clock]") {
  const SystemClock clock;
  const auto alarm = clock.make_alarm();

  SECTION("rings at a time of day") {
    const auto due = clock.wall_now() + Duration{5};
    while (clock.wall_now() < due) alarm->wait({due, std::nullopt});
  }
  SECTION("rings after some time awake") {
    const auto due = clock.awake() + Duration{5};
    while (clock.awake() < due) alarm->wait({std::nullopt, due});
  }
  SECTION("rings at once for what is past") {
    alarm->wait({Instant{-5}, std::nullopt});
    alarm->wait({std::nullopt, Duration{0}});
    alarm->wait({Instant{1}, Duration{1}});
  }
  SECTION("remembers that somebody rang") {
    alarm->ring();
    alarm->ring();
    alarm->wait({});
  }
  SECTION("is rung from another thread") {
    std::thread other([&alarm] { alarm->ring(); });
    alarm->wait({});
    other.join();
  }
}

TEST_CASE("a manual clock", "[clock]") {
  ManualClock clock(Instant{1'000}, Duration{10});

  SECTION("stands still") {
    CHECK(clock.wall_now() == Instant{1'000});
    CHECK(clock.elapsed() == Duration{10});
  }
  SECTION("advances all times") {
    clock.advance(Duration{5});
    CHECK(clock.wall_now() == Instant{1'005});
    CHECK(clock.elapsed() == Duration{15});
    CHECK(clock.awake() == Duration{15});
  }
  SECTION("steps the time of day alone") {
    clock.set_wall(Instant{500});
    CHECK(clock.wall_now() == Instant{500});
    CHECK(clock.elapsed() == Duration{10});
  }
  SECTION("sleeps: only the time awake stands still") {
    clock.suspend(Duration{100});
    CHECK(clock.wall_now() == Instant{1'100});
    CHECK(clock.elapsed() == Duration{110});
    CHECK(clock.awake() == Duration{10});
  }
  SECTION("starts anew after a reboot") {
    const auto before = clock.boot_id();
    clock.suspend(Duration{100});
    CHECK(clock.boot_id() == before);
    clock.reboot(Duration{60});
    CHECK(clock.boot_id() != before);
    CHECK(clock.wall_now() == Instant{1'160});
    CHECK(clock.elapsed() == Duration{0});
    CHECK(clock.awake() == Duration{0});
  }
  SECTION("does not run backwards") {
    CHECK_THROWS_AS(clock.advance(Duration{-1}), AssertionError);
    CHECK_THROWS_AS(clock.suspend(Duration{-1}), AssertionError);
    CHECK_THROWS_AS(clock.reboot(Duration{-1}), AssertionError);
  }
}

TEST_CASE("an alarm of a manual clock", "[clock]") {
  ManualClock clock(Instant{1'000}, Duration{10});
  const auto alarm = clock.make_alarm();

  SECTION("rings at once for what is past") {
    alarm->wait({Instant{1'000}, std::nullopt});
    alarm->wait({std::nullopt, Duration{10}});
  }
  SECTION("remembers that somebody rang") {
    alarm->ring();
    alarm->wait({});
  }
  SECTION("ends the wait when time comes, or is stepped, or was slept") {
    const auto waits_for = [&alarm](const Alarm::Times& times, const std::function<void()>& what) {
      std::thread other(what);
      alarm->wait(times);
      other.join();
    };
    waits_for({Instant{1'005}, std::nullopt}, [&clock] { clock.advance(Duration{5}); });
    waits_for({std::nullopt, Duration{20}}, [&clock] { clock.advance(Duration{5}); });
    waits_for({}, [&clock] { clock.set_wall(Instant{1}); });
    waits_for({}, [&clock] { clock.suspend(Duration{1}); });
    waits_for({}, [&clock] { clock.reboot(Duration{1}); });
  }
}
