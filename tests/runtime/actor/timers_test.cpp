#include "runtime/actor/timers.h"

#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace troupe;
using namespace troupe::test;

namespace {

const Instant begin{1'000'000};

Committer::Hooks no_hooks() {
  Committer::Hooks hooks;
  hooks.fatal = [](const std::string&) { std::abort(); };
  return hooks;
}

TimerEntry entry(std::string name, Instant due, std::uint64_t attempt = 1) {
  return {due, 7, std::move(name), ActorId{KindId{3}, "actor"}, attempt, false};
}

// A timer service over a store in memory and a clock that the test moves.
struct Bench {
  ManualClock clock{begin};
  MemoryStore store;
  Numbers numbers{0};
  Committer committer{store, numbers, no_hooks()};
  mutable std::mutex mutex;
  std::vector<Delivery> fired;  // guarded
  Signal signal;
  std::uint64_t skipped = 0;  // of `signal`
  TimerService timers{clock, store, numbers, [this](Delivery delivery) {
                        {
                          const std::lock_guard lock(mutex);
                          fired.push_back(std::move(delivery));
                        }
                        signal.raise();
                      }};

  ~Bench() {
    timers.stop();
    store.release();
  }

  void start() { timers.start(committer); }

  /// Starts, and waits until the table has been read: a row that is read while it is being set may
  /// fire twice, which the actor notices.
  void start_and_load() {
    set(entry("loaded", begin - Duration{1}));
    start();
    signal.wait(1);
    const std::lock_guard lock(mutex);
    fired.clear();
    skipped = 1;
  }

  static void add(Commit& commit, const TimerEntry& timer, bool set) {
    commit.rows.push_back(
        {tables::timers.id, timer.key(), set ? std::optional(timer.row()) : std::nullopt});
  }
  void change(const TimerEntry& timer, bool set) {
    Commit commit;
    add(commit, timer, set);
    timers.changed(timer, set, committer.enqueue(std::move(commit)));
  }
  void set(const TimerEntry& timer) { change(timer, true); }
  void clear(const TimerEntry& timer) { change(timer, false); }

  /// Waits for `count` in all and says their names.
  std::vector<std::string> names(std::uint64_t count) {
    signal.wait(skipped + count);
    const std::lock_guard lock(mutex);
    std::vector<std::string> all;
    for (const auto& delivery : fired) all.push_back(delivery.message.timer);
    return all;
  }
};

std::string numbered(std::uint64_t i) {
  return "timer " + std::to_string(100'000 + i);
}

std::vector<std::string> numbered_to(std::uint64_t count) {
  std::vector<std::string> all;
  for (std::uint64_t i = 0; i < count; ++i) all.push_back(numbered(i));
  return all;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a timer's row reads as it was written", "[timers]") {
  TimerEntry timer = entry("lease", Instant{1'234'567}, 9);
  timer.delay = true;
  const auto read = TimerEntry::decode(timer.key(), timer.row().words());
  CHECK(read.due == timer.due);
  CHECK(read.actor_number == 7);
  CHECK(read.name == "lease");
  CHECK(read.actor == timer.actor);
  CHECK(read.attempt == 9);
  CHECK(read.delay);
  CHECK(entry("z", Instant{9}).key() < entry("a", Instant{10}).key());
  CHECK(entry("past", Instant{-5}).key() < entry("a", Instant{10}).key());
}

TEST_CASE("a timer fires when it is due, with what it was set with", "[timers]") {
  Bench bench;
  bench.start_and_load();
  bench.set(entry("later", begin + Duration{1'000}, 4));
  bench.set(entry("now", begin));
  CHECK(bench.names(1) == Names{"now"});

  bench.clock.advance(Duration{999});
  bench.set(entry("between", begin + Duration{999}));
  CHECK(bench.names(2) == Names{"now", "between"});

  bench.clock.advance(Duration{51});
  CHECK(bench.names(3) == Names{"now", "between", "later"});
  const auto& last = bench.fired.back();
  CHECK(last.to == ActorId{KindId{3}, "actor"});
  CHECK(last.message.source == Message::Source::timer);
  CHECK(last.message.due == begin + Duration{1'000});
  CHECK(last.message.attempt == 4);
  CHECK(last.number > bench.fired.front().number);
  CHECK(bench.timers.stats().fired == 1 + 3);
  CHECK(bench.timers.stats().late_seconds == Approx(0.05));
}

TEST_CASE("timers fire in the order of their times", "[timers]") {
  Bench bench;
  for (const auto ms : {30, 10, 40, 20}) {
    bench.set(entry(std::to_string(ms), begin + Duration{ms}));
  }
  bench.clock.advance(Duration{100});
  bench.start();
  CHECK(bench.names(4) == Names{"10", "20", "30", "40"});
}

TEST_CASE("a timer that was cleared does not fire", "[timers]") {
  Bench bench;
  const auto gone = entry("gone", begin + Duration{10});
  bench.set(gone);
  bench.set(entry("last", begin + Duration{20}));

  SECTION("before the start") {
    bench.clear(gone);
    bench.start();
  }
  SECTION("before the start, all on disk") {
    bench.committer.flush();
    bench.clear(gone);
    bench.committer.flush();
    bench.start();
  }
  SECTION("before the start, the clearing under way") {
    bench.committer.flush();
    bench.store.hold();
    bench.clear(gone);
    bench.start();
  }
  SECTION("after it") {
    bench.start_and_load();
    bench.clear(gone);
  }
  bench.clock.advance(Duration{30});
  CHECK(bench.names(1) == Names{"last"});
}

TEST_CASE("a timer that is moved fires once, at its new time", "[timers]") {
  Bench bench;
  bench.start_and_load();
  const auto old = entry("moved", begin + Duration{10}, 1);
  bench.set(old);
  bench.clear(old);
  bench.set(entry("moved", begin + Duration{50}, 2));
  bench.set(entry("mark", begin + Duration{20}));
  bench.clock.advance(Duration{100});
  CHECK(bench.names(2) == Names{"mark", "moved"});
  CHECK(bench.fired.back().message.attempt == 2);
}

TEST_CASE("a timer set again for the same time carries its new attempt", "[timers]") {
  Bench bench;
  const auto old = entry("again", begin + Duration{10}, 1);
  bench.set(old);
  bench.committer.flush();
  // On disk is the first; the second waits in the committer's queue when the table is read.
  bench.store.hold();
  bench.clear(old);
  bench.set(entry("again", begin + Duration{10}, 2));
  bench.clock.advance(Duration{20});
  bench.start();
  CHECK(bench.names(1) == Names{"again"});
  CHECK(bench.fired.front().message.attempt == 2);
}

TEST_CASE("a timer that is not on disk yet fires all the same", "[timers]") {
  Bench bench;
  bench.store.hold();
  bench.set(entry("under way", begin + Duration{10}));
  bench.clock.advance(Duration{10});
  bench.start();
  CHECK(bench.names(1) == Names{"under way"});
}

TEST_CASE("a step of the wall clock is noticed", "[timers]") {
  Bench bench;
  bench.start_and_load();
  bench.set(entry("tomorrow", begin + Duration{86'400'000}));
  bench.set(entry("now", begin));
  bench.names(1);
  bench.clock.set_wall(begin + Duration{86'400'000});
  CHECK(bench.names(2) == Names{"now", "tomorrow"});
}

TEST_CASE("thousands of timers on disk are read in windows, each fires once", "[timers]") {
  constexpr std::uint64_t count = 5'500;
  Bench bench;
  Commit commit;
  for (std::uint64_t i = 0; i < count; ++i) {
    // Many share a time, so that windows end between equals.
    const auto due = begin + Duration{static_cast<std::int64_t>(i / 700)};
    Bench::add(commit, entry(numbered(i), due), true);
  }
  bench.committer.enqueue(std::move(commit));
  bench.committer.flush();
  bench.set(entry("first", begin));
  bench.committer.flush();
  bench.start();
  // What is due now: the first 700 and `first`.
  CHECK(bench.names(701).size() == 701);
  CHECK(bench.timers.stats().in_memory <= 1'000);

  bench.clock.advance(Duration{100});
  auto names = bench.names(count + 1);
  CHECK(std::is_sorted(names.begin() + 701, names.end()));
  std::sort(names.begin(), names.end());
  CHECK(names.front() == "first");
  names.erase(names.begin());
  CHECK(names == numbered_to(count));
}

TEST_CASE("thousands of timers set at once are trimmed to a window, each fires once", "[timers]") {
  constexpr std::uint64_t count = 5'500;
  Bench bench;
  bench.start_and_load();
  Commit commit;
  std::vector<TimerEntry> set;
  for (std::uint64_t i = 0; i < count; ++i) {
    set.push_back(entry(numbered(i), begin + Duration{static_cast<std::int64_t>(1'000 + i)}));
    Bench::add(commit, set.back(), true);
  }
  bool held = false;
  SECTION("on disk") {}
  SECTION("still under way") {
    bench.store.hold();
    held = true;
  }
  const auto sequence = bench.committer.enqueue(std::move(commit));
  if (!held) bench.committer.flush();
  for (const auto& timer : set) bench.timers.changed(timer, true, sequence);
  CHECK(bench.timers.stats().in_memory <= 4'000);
  CHECK(bench.timers.stats().in_memory >= 1'000);

  // Some of those that are no longer in memory are cleared; one comes nearer.
  bench.clear(set[5'000]);
  bench.clear(set[5'100]);
  bench.set(entry("near", begin + Duration{500}));
  bench.clock.advance(Duration{20'000});
  auto names = bench.names(count - 1);
  CHECK(names.size() == count - 1);
  CHECK(names.front() == "near");
  names.erase(names.begin());
  CHECK(std::is_sorted(names.begin(), names.end()));
  auto expected = numbered_to(count);
  expected.erase(expected.begin() + 5'100);
  expected.erase(expected.begin() + 5'000);
  CHECK(names == expected);
}
