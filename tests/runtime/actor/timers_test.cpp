// The timer table, step by step: windows, uncommitted changes, portions, clocks that jump.
#include "runtime/actor/timers.h"

#include "tests/runtime/actor/timers_support.h"

#include <algorithm>

using namespace troupe;
using namespace troupe::test;

namespace {

const Instant begin = TimerBench::begin;
constexpr Duration second{1'000};
constexpr Duration hour{3'600'000};
constexpr Duration tick{1};

std::string numbered(std::uint64_t i) {
  return "timer " + std::to_string(100'000 + i);
}

Names numbered_to(std::uint64_t count) {
  Names all;
  for (std::uint64_t i = 0; i < count; ++i) all.push_back(numbered(i));
  return all;
}

Names sorted(Names names) {
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("a timer's row reads as it was written", "[timers]") {
  TimerEntry one = timer("lease", Instant{1'234'567}, 9);
  one.delay = GENERATE(false, true);
  const auto read = TimerEntry::decode(one.key(), one.row().words());
  CHECK(read.due == one.due);
  CHECK(read.actor_number == 7);
  CHECK(read.name == "lease");
  CHECK(read.actor == one.actor);
  CHECK(read.attempt == 9);
  CHECK(read.delay == one.delay);
}

TEST_CASE("timers sort by line and due time", "[timers]") {
  CHECK(timer("z", Instant{9}).key() < timer("a", Instant{10}).key());
  CHECK(timer("past", Instant{-5}).key() < timer("a", Instant{10}).key());
  TimerEntry delay = timer("a", Instant{5});
  delay.delay = true;
  CHECK(timer("z", Instant{1'000'000'000'000'000}).key() < delay.key());
}

TEST_CASE("a row that wished to be a delay before there was their line follows the wall clock",
          "[timers]") {
  TimerEntry one = timer("old", begin + second);
  const auto key = one.key();
  one.delay = true;
  CHECK_FALSE(TimerEntry::decode(key, one.row().words()).delay);
}

TEST_CASE("a timer fires when it is due, with what it was set with", "[timers]") {
  std::vector<double> late;
  TimerOptions options;
  options.fired = [&late](double seconds) { late.push_back(seconds); };
  TimerBench bench(options);
  bench.set(timer("later", begin + second, 4));
  bench.set(timer("now", begin));
  CHECK(bench.table->next_due().wall == begin);
  CHECK(bench.fire() == Names{"now"});
  CHECK(bench.table->next_due().wall == begin + second);
  CHECK_FALSE(bench.table->next_due().awake);

  bench.clock.advance(Duration{999});
  CHECK(bench.fire().empty());
  bench.clock.advance(Duration{51});
  const auto fired = bench.table->fire_due(10);
  CHECK_FALSE(fired.more);
  CHECK_FALSE(fired.refused);
  REQUIRE(fired.deliveries.size() == 1);
  const auto& last = fired.deliveries.front();
  CHECK(last.to == ActorId{KindId{3}, "actor"});
  CHECK(last.number > 0);
  CHECK(last.message.source == Message::Source::timer);
  CHECK(last.message.timer == "later");
  CHECK(last.message.due == begin + second);
  CHECK(last.message.attempt == 4);

  const auto stats = bench.table->stats();
  CHECK(stats.fired == 2);
  CHECK(stats.late_seconds == Approx(0.05));
  CHECK(stats.late_seconds_max == Approx(0.05));
  CHECK(stats.late_seconds_sum == Approx(0.05));
  REQUIRE(late.size() == 2);
  CHECK(late[0] == 0);
  CHECK(late[1] == Approx(0.05));
  CHECK(stats.pending == 2);  // until their actors have handled them
  CHECK(stats.in_memory == 0);
}

TEST_CASE("what is pending counts what is on disk and what is not", "[timers]") {
  TimerBench bench;
  bench.set(timer("a", begin + hour));
  const auto b = bench.set(timer("b", begin + hour));
  CHECK(bench.table->stats().pending == 2);
  bench.commit();
  bench.restart();
  CHECK(bench.table->stats().pending == 2);
  bench.clear(b);
  CHECK(bench.table->stats().pending == 1);
}

TEST_CASE("timers fire in the order in which they came due, on both lines", "[timers]") {
  TimerBench bench;
  bench.set(timer("30", begin + Duration{30}));
  bench.set_delay("20", Duration{20});
  bench.set(timer("10", begin + Duration{10}));
  bench.set_delay("40", Duration{40});
  bench.clock.advance(second);
  CHECK(bench.fire() == Names{"10", "20", "30", "40"});
}

TEST_CASE("a timer that was cleared does not fire", "[timers]") {
  TimerBench bench;
  const bool delay = GENERATE(false, true);
  const auto gone = delay ? bench.set_delay("gone", Duration{10})
                          : bench.set(timer("gone", begin + Duration{10}));
  bench.set(timer("last", begin + Duration{20}));

  SECTION("before it was read") {
    bench.clear(gone);
  }
  SECTION("all on disk") {
    bench.commit();
    bench.clear(gone);
    bench.commit();
  }
  SECTION("the clearing under way") {
    bench.commit();
    bench.clear(gone);
  }
  SECTION("after it was read") {
    bench.table->next_due();
    bench.clear(gone);
  }
  bench.clock.advance(Duration{30});
  CHECK(bench.fire() == Names{"last"});
}

TEST_CASE("a timer that is moved fires once, at its new time", "[timers]") {
  TimerBench bench;
  const auto old = bench.set(timer("moved", begin + Duration{10}, 1));
  const bool on_disk = GENERATE(false, true);
  if (on_disk) bench.commit();
  bench.clear(old);
  bench.set(timer("moved", begin + Duration{50}, 2));
  bench.clock.advance(Duration{20});
  CHECK(bench.fire().empty());
  bench.clock.advance(Duration{100});
  const auto fired = bench.table->fire_due(10);
  REQUIRE(fired.deliveries.size() == 1);
  CHECK(fired.deliveries.front().message.attempt == 2);
}

TEST_CASE("a timer set again for the same time carries its new attempt", "[timers]") {
  TimerBench bench;
  const auto old = bench.set(timer("again", begin + Duration{10}, 1));
  bench.commit();
  const bool fired_before = GENERATE(false, true);
  if (fired_before) {
    bench.clock.advance(Duration{10});
    CHECK(bench.fire() == Names{"again"});
  }
  bench.clear(old);
  bench.set(timer("again", begin + Duration{10}, 2));
  bench.clock.advance(Duration{10});
  const auto fired = bench.table->fire_due(10);
  REQUIRE(fired.deliveries.size() == 1);
  CHECK(fired.deliveries.front().message.attempt == 2);
}

TEST_CASE("a row that is read and fires before its actor says that it set it fires once",
          "[timers]") {
  TimerBench bench;
  const auto one = timer("early bird", begin);
  const StoreState state{.batch = 1, .sequence = 5, .last_event = 0, .numbers_reserved = 0};
  const Bytes batch = encode_batch({{tables::timers.id, one.key(), one.row()}}, state, 0);
  REQUIRE(bench.store.apply(batch).ok());
  CHECK(bench.fire() == Names{"early bird"});
  bench.table->changed(one, true, 5);
  CHECK(bench.fire().empty());
  // Done with; the same actor sets the like again.
  bench.table->changed(one, false, 6);
  bench.table->changed(one, true, 6);
  CHECK(bench.fire() == Names{"early bird"});
}

TEST_CASE("what fired and is not done with fires again only after a start", "[timers]") {
  // So small a window that it is trimmed and read again in between.
  TimerBench bench({.window = 2});
  const auto one = bench.set(timer("once", begin));
  bench.commit();
  CHECK(bench.fire() == Names{"once"});
  for (int i = 0; i < 20; ++i) bench.set(timer(numbered(i), begin - Duration{i}));
  bench.commit();
  CHECK(bench.fire().size() == 20);
  CHECK(bench.fire().empty());
  bench.restart();
  CHECK(bench.fire().size() == 21);
}

TEST_CASE("overdue timers fire in portions, and under credits", "[timers]") {
  TimerBench bench;
  for (std::uint64_t i = 0; i < 10; ++i) bench.set(timer(numbered(i), begin));
  auto fired = bench.table->fire_due(4);
  CHECK(fired.more);
  CHECK_FALSE(fired.refused);
  CHECK(TimerBench::names(fired) == numbered_to(4));
  CHECK(bench.table->next_due().wall == begin);

  int credits = 3;
  const auto take = [&credits] { return credits-- > 0; };
  fired = bench.table->fire_due(4, take);
  CHECK(fired.refused);
  CHECK_FALSE(fired.more);
  CHECK(fired.deliveries.size() == 3);

  credits = 3;
  fired = bench.table->fire_due(4, take);
  CHECK(credits == 0);
  CHECK_FALSE(fired.refused);  // none was asked for in vain
  CHECK_FALSE(fired.more);
  CHECK(fired.deliveries.size() == 3);
  CHECK(bench.fire().empty());
}

TEST_CASE("neither line starves the other", "[timers]") {
  TimerBench bench;
  for (std::uint64_t i = 0; i < 100; ++i) bench.set(timer(numbered(i), begin + second));
  bench.set_delay("a delay", second / 2);
  bench.clock.advance(hour);
  CHECK(TimerBench::names(bench.table->fire_due(1)) == Names{"a delay"});
}

TEST_CASE("a hundred thousand timers are read in windows, each fires once", "[timers]") {
  constexpr std::uint64_t count = 100'000;
  TimerBench bench;
  std::vector<TimerEntry> all;
  const bool delay = GENERATE(false, true);
  for (std::uint64_t i = 0; i < count; ++i) {
    // Many share a time, so that windows end between equals.
    all.push_back(timer(numbered(i), begin + second + Duration{static_cast<int>(i / 700)}));
    all.back().delay = delay;
  }
  const bool on_disk = GENERATE(true, false);
  bench.change(all, true);
  CHECK(bench.table->stats().in_memory <= 1'000);
  if (on_disk) {
    bench.commit();
    bench.restart();
  }
  CHECK(bench.table->stats().pending == count);
  bench.table->next_due();
  CHECK(bench.table->stats().in_memory <= (on_disk ? 1'000 : count));

  // Some that are far off are cleared; one comes nearer.
  bench.clear(all[50'000]);
  bench.clear(all[99'999]);
  bench.set(timer("near", begin));
  CHECK(bench.fire() == Names{"near"});
  bench.clock.advance(hour);
  Names expected = numbered_to(count);
  expected.erase(expected.begin() + 99'999);
  expected.erase(expected.begin() + 50'000);
  CHECK(bench.fire() == expected);
}

TEST_CASE("timers set behind and before the horizon, on disk or not, fire in order", "[timers]") {
  TimerBench bench({.window = 10});
  Names expected;
  for (std::uint64_t i = 0; i < 500; ++i) {
    // 7 and 500 have no common divisor: each place is hit once, in no order.
    const std::uint64_t place = i * 7 % 500;
    bench.set(timer(numbered(place), begin + Duration{static_cast<int>(place)}));
    expected.push_back(numbered(i));
    if (i % 3 == 0) bench.commit(1);
    if (i % 50 == 0) bench.table->next_due();
    CHECK(bench.table->stats().in_memory <= 40);
  }
  bench.clock.advance(second);
  CHECK(bench.fire() == expected);
}

TEST_CASE("deadlines follow the wall clock, delays do not", "[timers][clock]") {
  TimerBench bench;
  const auto by = GENERATE(5 * hour, 24 * hour, -5 * hour, -200 * hour);
  bench.set(timer("deadline", begin + hour));
  bench.set_delay("delay", hour);
  bench.commit();
  bench.step(by);
  CHECK(bench.table->stats().clock_parted == 1);
  const bool restarted = GENERATE(false, true);
  if (restarted) {
    bench.commit();
    bench.restart();
  }

  CHECK(bench.fire() == (by > hour ? Names{"deadline"} : Names{}));
  bench.clock.advance(hour - tick);
  CHECK(bench.fire().empty());
  bench.clock.advance(tick);
  CHECK(bench.fire() == Names{"delay"});
  if (by < hour) {
    bench.clock.advance(-by - tick);
    CHECK(bench.fire().empty());
    bench.clock.advance(tick);
    CHECK(bench.fire() == Names{"deadline"});
  }
}

TEST_CASE("delays that are set after a step last as long as others", "[timers][clock]") {
  TimerBench bench;
  bench.step(GENERATE(5 * hour, -5 * hour, 3 * second));
  bench.set_delay("delay", hour);
  CHECK(bench.table->next_due().awake == bench.clock.awake() + hour);
  bench.clock.advance(hour - tick);
  CHECK(bench.fire().empty());
  bench.clock.advance(tick);
  CHECK(bench.fire() == Names{"delay"});
}

TEST_CASE("a suspend extends delays by the time slept, not deadlines", "[timers][clock]") {
  TimerBench bench;
  bench.set(timer("deadline", begin + hour));
  bench.set_delay("delay", hour);
  bench.clock.advance(hour / 2);
  bench.suspend(8 * hour);
  bench.commit();
  const bool restarted = GENERATE(false, true);
  if (restarted) bench.restart();
  CHECK(bench.fire() == Names{"deadline"});
  bench.clock.advance(hour / 2 - tick);
  CHECK(bench.fire().empty());
  bench.clock.advance(tick);
  CHECK(bench.fire() == Names{"delay"});
}

TEST_CASE("a suspend or a step while nothing runs moves no delay, either", "[timers][clock]") {
  TimerBench bench;
  bench.set_delay("delay", hour);
  bench.commit();
  SECTION("suspend") {
    bench.clock.suspend(8 * hour);
  }
  SECTION("forwards") {
    bench.clock.set_wall(begin + 8 * hour);
  }
  SECTION("backwards") {
    bench.clock.set_wall(begin - 8 * hour);
  }
  bench.restart();
  CHECK(bench.table->stats().clock_parted == 1);
  CHECK(bench.table->next_due().awake == bench.clock.awake() + hour);
}

TEST_CASE("after a reboot delays go on by the wall clock", "[timers][clock]") {
  TimerBench bench;
  // Wall clock and line are far apart already.
  bench.step(GENERATE(Duration{0}, 100 * hour, -100 * hour));
  bench.suspend(10 * second);
  bench.set_delay("delay", hour);
  bench.commit();
  bench.reboot(hour / 2);
  CHECK(bench.fire().empty());
  CHECK(bench.table->stats().clock_parted == 0);
  CHECK(bench.table->next_due().awake == bench.clock.awake() + hour / 2);
  bench.commit();
  bench.clock.advance(hour / 4);
  bench.restart();
  CHECK(bench.table->next_due().awake == bench.clock.awake() + hour / 4);
  bench.commit();
  bench.reboot(hour);
  CHECK(bench.fire() == Names{"delay"});
}

TEST_CASE("a reboot with a wall clock that is behind ends no delay early", "[timers][clock]") {
  TimerBench bench;
  bench.set_delay("delay", 3 * hour);
  bench.clock.advance(hour + tick);
  bench.look();  // an hour has passed: what is stored is renewed
  bench.commit();
  bench.clock.set_wall(Instant{10});
  bench.reboot(Duration{0});
  CHECK(bench.table->next_due().awake == bench.clock.awake() + 2 * hour - tick);
  // Then it is told the time.
  bench.step(begin - Instant{10});
  CHECK(bench.table->next_due().awake == bench.clock.awake() + 2 * hour - tick);
}

TEST_CASE("the clocks' row is written when they have parted by 5 s", "[timers][clock]") {
  TimerBench bench;
  bench.commit();
  CHECK_FALSE(bench.look());
  bench.clock.set_wall(begin + Duration{4'999});
  CHECK_FALSE(bench.look());
  bench.clock.set_wall(begin + Duration{5'000});
  CHECK(bench.look());
  CHECK_FALSE(bench.look());
  bench.clock.set_wall(begin);
  CHECK(bench.look());
  bench.clock.suspend(Duration{4'999});
  CHECK_FALSE(bench.look());
  bench.clock.suspend(Duration{1});
  CHECK(bench.look());
  CHECK(bench.table->stats().clock_parted == 3);
  bench.commit();
  bench.restart();
  CHECK(bench.waiting() == 0);
}

TEST_CASE("after a start, delays wait for those who have to come back", "[timers]") {
  TimerBench bench({.hold = 60 * second});
  bench.clock.advance(hour);  // the hold of an empty table is over
  bench.set_delay("long overdue", second);
  bench.set_delay("due in a moment", hour + second);
  bench.set_delay("due later", hour + 90 * second);
  const auto renewed = bench.set_delay("renewed in time", second);
  bench.set(timer("deadline", bench.clock.wall_now() + second));
  bench.commit();
  SECTION("in the same boot") {
    bench.clock.advance(hour);
    bench.restart();
  }
  SECTION("in another") {
    bench.reboot(hour);
  }

  CHECK(bench.fire() == Names{"deadline"});
  bench.set_delay("set since", 30 * second);
  bench.set_delay("set since, longer", 70 * second);
  const auto cleared = bench.set_delay("set since and cleared", second);
  bench.clear(cleared);
  CHECK(bench.table->next_due().awake == bench.clock.awake() + 30 * second);
  bench.clock.advance(30 * second);
  bench.clear(renewed);
  bench.set_delay("renewed in time", hour);
  CHECK(bench.fire() == Names{"set since"});
  CHECK(bench.table->next_due().awake == bench.clock.awake() + 30 * second);
  bench.clock.advance(30 * second - tick);
  CHECK(bench.fire().empty());
  bench.clock.advance(tick);
  CHECK(bench.fire() == Names{"long overdue", "due in a moment"});
  bench.clock.advance(10 * second);
  CHECK(bench.fire() == Names{"set since, longer"});
  bench.clock.advance(20 * second);
  CHECK(bench.fire() == Names{"due later"});
}

TEST_CASE("delays set during the hold are bounded: the rest waits for its end", "[timers]") {
  TimerBench bench({.hold = 60 * second, .window = 2});
  for (std::uint64_t i = 0; i < 100; ++i) bench.set_delay(numbered(i), second);
  bench.commit();
  bench.clock.advance(second);
  const auto early = bench.fire();
  CHECK(early.size() == 32);
  bench.clock.advance(59 * second);
  auto all = bench.fire();
  all.insert(all.end(), early.begin(), early.end());
  CHECK(sorted(all) == numbered_to(100));
}

TEST_CASE("a change that comes nearer says so", "[timers]") {
  TimerBench bench({.hold = GENERATE(Duration{0}, 10 * hour)});
  int nearer = 0;
  bench.table->on_nearer([&nearer] { ++nearer; });
  bench.table->next_due();
  bench.set(timer("first", begin + hour));
  CHECK(nearer == 1);
  bench.set(timer("behind it", begin + 2 * hour));
  CHECK(nearer == 1);
  bench.set_delay("on the other line", 3 * hour);
  CHECK(nearer == 2);
  bench.set(timer("before it", begin + second));
  CHECK(nearer == 3);
  bench.set_delay("before it on the other line", second);
  CHECK(nearer == 4);
}
