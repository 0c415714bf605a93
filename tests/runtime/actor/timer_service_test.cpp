// The thread of the timer service, under a clock that the test moves and under the kernel's.
#include "runtime/actor/timer_service.h"

#include "tests/runtime/actor/timers_support.h"

#include <atomic>
#include <thread>

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr Duration second{1'000};
constexpr Duration hour{3'600'000};

template <class AnyClock>
struct Bench {
  AnyClock clock;
  MemoryStore store;
  ReservedNumbers numbers;
  TimerTable table{clock, store, numbers, {}};
  std::mutex mutex;
  Names fired;  // guarded
  Signal signal;
  Signal stored;
  std::atomic<int> credits{1'000'000};
  Signal refused;
  TimerService service{clock, table, hooks()};

  TimerService::Hooks hooks() {
    return {[this](const Delivery& delivery) {
              {
                const std::lock_guard lock(mutex);
                fired.push_back(delivery.message.timer);
              }
              signal.raise();
            },
            [this](const RowOp&) { stored.raise(); },
            [this] {
              if (credits.fetch_sub(1) > 0) return true;
              credits.fetch_add(1);
              refused.raise();
              return false;
            }};
  }

  void set(std::string name, Duration from_now, bool delay = false) {
    const auto now = clock.wall_now();
    TimerEntry one = timer(std::move(name), now + from_now);
    if (delay) one.due = table.delay_due(now + from_now, now);
    one.delay = delay;
    table.changed(one, true, 1);
  }
  /// Waits for `count` in all.
  Names names(std::uint64_t count) {
    signal.wait(count);
    const std::lock_guard lock(mutex);
    return fired;
  }
};

}  // namespace

TEST_CASE("the kernel's clocks wake the service", "[timers][service]") {
  Bench<SystemClock> bench;
  bench.set("set before the start", Duration{2});
  bench.service.start();
  CHECK(bench.names(1) == Names{"set before the start"});
  bench.set("far", hour);
  bench.set("near", Duration{5});
  CHECK(bench.names(2).back() == "near");
  bench.set("delay", Duration{5}, true);
  CHECK(bench.names(3).back() == "delay");
  bench.set("past", -hour);
  CHECK(bench.names(4).back() == "past");
  bench.stored.wait(1);
}

TEST_CASE("time that passes, is stepped or slept wakes the service", "[timers][service]") {
  Bench<ManualClock> bench;
  bench.service.start();
  bench.stored.wait(1);
  bench.set("advance", second);
  bench.set("advance too", second, true);
  bench.clock.advance(second);
  CHECK(bench.names(2).size() == 2);
  bench.set("tomorrow", 24 * hour);
  bench.set("delay", hour, true);
  bench.clock.set_wall(bench.clock.wall_now() + 24 * hour);
  CHECK(bench.names(3).back() == "tomorrow");
  bench.stored.wait(2);
  bench.clock.suspend(24 * hour);
  bench.stored.wait(3);
  bench.set("now", Duration{0});
  CHECK(bench.names(4).back() == "now");
  bench.clock.advance(hour);
  CHECK(bench.names(5).back() == "delay");
}

TEST_CASE("without credit nothing fires until one comes back", "[timers][service]") {
  Bench<ManualClock> bench;
  bench.credits = 300;
  for (int i = 0; i < 700; ++i) bench.set("timer " + std::to_string(i), -second);
  bench.service.start();
  bench.refused.wait(1);
  CHECK(bench.names(300).size() == 300);
  bench.credits = 400;
  bench.service.credit_returned();
  CHECK(bench.names(700).size() == 700);
  CHECK(bench.credits == 0);
}

TEST_CASE("the service stops while others set timers", "[timers][service]") {
  Bench<SystemClock> bench;
  bench.service.start();
  std::atomic<bool> done{false};
  std::thread other([&bench, &done] {
    for (int i = 0; !done; ++i) bench.set("timer " + std::to_string(i % 1'000), Duration{i % 3});
  });
  bench.signal.wait(100);
  bench.service.stop();
  const auto fired = bench.table.stats().fired;
  done = true;
  other.join();
  CHECK(bench.table.stats().fired == fired);
}
