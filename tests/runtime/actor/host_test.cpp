// The host end to end, with a kind of counters.
#include "runtime/actor/host.h"

#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"
#include "tests/runtime/actor/host_support.h"

#include <algorithm>
#include <thread>

using namespace troupe;
using namespace troupe::test;

TEST_CASE("a command is answered when it is on disk", "[host]") {
  ToyHost toys;
  CHECK(toys.ask("a", "add 5") == "5");
  CHECK(toys.host->snapshot()->count(things.id) == 1);
  CHECK(toys.ask("a", "add 6") == "11");
  CHECK(toys.ask("b", "get") == "0");
  CHECK(toys.ask("a", "refuse") == "error: refused");
  CHECK(toys.ask("a", "get") == "11");
  CHECK(toys.host->stats().activations == 2);
}

TEST_CASE("state survives a restart", "[host]") {
  ToyHost toys;
  for (int i = 0; i < 20; ++i)
    toys.send("counter " + std::to_string(i), "add " + std::to_string(i));
  const auto last = toys.send("counter 19", "get");
  CHECK(toys.sink.wait(last) == "19");
  for (std::uint64_t call = 1; call < last; ++call) toys.sink.wait(call);
  toys.restart();
  for (int i = 0; i < 20; ++i) {
    CHECK(toys.ask("counter " + std::to_string(i), "get") == std::to_string(i));
  }
}

TEST_CASE("actors send to each other", "[host]") {
  ToyHost toys;
  toys.ask("a", "send b send c add 4");
  toys.world.called.wait(3);
  CHECK(toys.ask("c", "get") == "4");
  CHECK(toys.ask("a", "get") == "0");
  toys.restart();
  CHECK(toys.ask("c", "get") == "4");
  CHECK(toys.host->snapshot()->count(tables::inbox.id) == 0);
}

TEST_CASE("an actor can send to itself", "[host]") {
  ToyHost toys;
  toys.ask("a", "send a add 3");
  toys.world.called.wait(2);
  CHECK(toys.ask("a", "get") == "3");
}

TEST_CASE("several threads that ask at once lose nothing", "[host]") {
  constexpr std::uint64_t per_thread = 250;
  ToyHost toys;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&toys, t] {
      for (std::uint64_t i = 0; i < per_thread; ++i) {
        toys.send(i % 2 == 0 ? "shared" : "own " + std::to_string(t), "add 1");
        if (i % 10 == 0) toys.send("own " + std::to_string(t), "send shared add 1");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  toys.world.called.wait(4 * (per_thread + 2 * per_thread / 10));
  for (int t = 0; t < 4; ++t) {
    CHECK(toys.ask("own " + std::to_string(t), "get") == std::to_string(per_thread / 2));
  }
  const std::string all = std::to_string(4 * (per_thread / 2 + per_thread / 10));
  CHECK(toys.ask("shared", "get") == all);
  for (std::uint64_t call = 1; call <= 4 * (per_thread + per_thread / 10); ++call) {
    toys.sink.wait(call);
    CHECK(toys.sink.count(call) == 1);
  }
  toys.restart();
  CHECK(toys.ask("shared", "get") == all);
}

TEST_CASE("timers wake actors", "[host]") {
  ToyHost toys;
  toys.ask("a", "timer soon 60000 1");
  toys.ask("a", "timer never 60000 1");
  toys.ask("a", "clear never");
  CHECK(toys.host->stats().timers_fired == 0);

  SECTION("in this life") {}
  SECTION("in the next") {
    toys.restart();
  }
  toys.clock.advance(Duration{60'000});
  toys.world.called.wait(3 + 1);  // commands and the timer
  CHECK(toys.host->stats().timers_fired == 1);
  CHECK(toys.ask("a", "get") == "1000");
  const auto lines = toys.world.lines();
  CHECK(std::count(lines.begin(), lines.end(), "a: timer never") == 0);
  CHECK(std::count(lines.begin(), lines.end(), "a: timer soon") == 1);
  CHECK(toys.host->snapshot()->count(tables::timers.id) == 0);
}

TEST_CASE("idle actors leave memory and come back with their state", "[host]") {
  ToyHost toys;
  toys.ask("idle", "add 7");
  const auto listening = toys.send("listening", "listen");
  CHECK(toys.sink.wait(listening) == "0");
  CHECK(toys.world.destroyed.count() == 0);
  toys.clock.advance(Duration{11'000});
  toys.world.destroyed.wait();
  CHECK(toys.host->stats().passivations == 1);
  CHECK(toys.host->stats().actors == 1);

  CHECK(toys.ask("idle", "add 1") == "8");
  CHECK(toys.host->stats().activations == 3);
  CHECK(toys.ask("listening", "add 2") == "2");
  CHECK(toys.sink.wait(listening, 1) == "2");
  toys.ask("listening", "remove");
  CHECK(toys.sink.wait(listening, 2) == "0");
}

TEST_CASE("events are numbered and announced once they are on disk", "[host]") {
  ToyHost toys;
  Signal announced;
  const auto watch = toys.host->watch_events([&announced] { announced.raise(); });
  CHECK(toys.host->last_events() == EventPosition{0});
  toys.ask("a", "event");
  announced.wait();
  CHECK(toys.host->last_events() == EventPosition{1});
  toys.host->unwatch_events(watch);
  const auto count = announced.count();
  toys.ask("b", "event");
  CHECK(toys.host->last_events() == EventPosition{2});
  CHECK(announced.count() == count);
  const auto view = toys.host->snapshot();
  const auto row = view->get(tables::events.id, KeyWriter().u64(2).key());
  REQUIRE(row.has_value());
  Stored<schema::EventRow> event(*row);
  CHECK(str(event.get().getExchange()) == "exchange/toy");
  CHECK(str(event.get().getRoutingKey()) == "b");
  CHECK(event.get().getCc().size() == 1);
  CHECK(event.get().getTime() == toys.clock.wall_now().ms);
}
