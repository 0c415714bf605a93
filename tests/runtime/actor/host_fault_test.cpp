// What the host does with handlers that fail, rows that do not decode, and starts after both.
#include "runtime/actor/envelope.h"
#include "runtime/actor/host.h"
#include "runtime/store/key.h"
#include "tests/runtime/actor/host_support.h"

#include <algorithm>

using namespace troupe;
using namespace troupe::test;

namespace {

// Breaks the row of an actor's sum, as a bad disk would.
void damage(ToyHost& toys, const std::string& key) {
  const auto number = find_actor_number(*toys.host->snapshot(), toy(key));
  REQUIRE(number != 0);
  toys.host->commit_rows({{things.id, KeyWriter().u64(number).key(), word(undecodable)}});
}

// A message in the inbox of one who is not in memory, as a crash leaves it.
void leave_message(ToyHost& toys,
                   std::uint64_t number,
                   const std::string& to,
                   const std::string& text) {
  toys.host->commit_rows({{tables::inbox.id, KeyWriter().u64(number).key(),
                           encode_envelope(toy("gone"), toy(to), 0, line(text))}});
}

}  // namespace

TEST_CASE("a command whose handler throws is answered and changes nothing", "[host]") {
  ToyHost toys;
  CHECK(toys.ask("a", "add 5") == "5");
  CHECK(toys.ask("a", "throw") == "error: told to throw");
  CHECK(toys.ask("a", "get") == "5");
  CHECK(toys.reports.count("handler_threw a") == 1);
  CHECK(toys.host->stats().restarts == 0);
  CHECK(toys.host->stats().dead_letters == 0);
}

TEST_CASE("a message whose handler throws is tried three times, then parked", "[host]") {
  ToyHost toys;
  toys.ask("a", "send b throw");
  toys.ask("a", "send b add 1");
  toys.reports.wait("message_parked b");
  CHECK(toys.reports.count("handler_threw b") == 3);
  toys.world.called.wait(2 + 3 + 1);
  CHECK(toys.ask("b", "get") == "1");  // what came behind it was handled
  CHECK(toys.host->stats().dead_letters == 1);
  CHECK(toys.host->snapshot()->count(tables::dead_letters.id) == 1);
  CHECK(toys.host->snapshot()->count(tables::inbox.id) == 0);
  toys.restart();
  CHECK(toys.host->stats().dead_letters == 1);
  CHECK(toys.ask("b", "get") == "1");
}

TEST_CASE("a message that works at the third try is not parked", "[host]") {
  ToyHost toys;
  toys.world.fail_next(2);
  toys.ask("a", "send b flaky 6");
  toys.world.called.wait(1 + 3);
  CHECK(toys.ask("b", "get") == "6");
  CHECK(toys.host->stats().dead_letters == 0);
}

TEST_CASE("messages in inboxes are delivered at the start, in order", "[host]") {
  ToyHost toys;
  leave_message(toys, 2, "b", "add 20");
  leave_message(toys, 1, "b", "add 1");
  leave_message(toys, 3, "c", "add 300");
  toys.stop();
  toys.start();
  toys.world.called.wait(3);
  CHECK(toys.ask("b", "get") == "21");
  CHECK(toys.ask("c", "get") == "300");
  const auto lines = toys.world.lines();
  CHECK(std::find(lines.begin(), lines.end(), "b: add 1") <
        std::find(lines.begin(), lines.end(), "b: add 20"));
  CHECK(toys.host->snapshot()->count(tables::inbox.id) == 0);
  toys.restart();
  CHECK(toys.ask("b", "get") == "21");  // once only
}

TEST_CASE("an actor whose rows do not decode harms nobody else", "[host]") {
  ToyHost toys;
  CHECK(toys.ask("bad", "add 5") == "5");
  CHECK(toys.ask("good", "add 6") == "6");
  damage(toys, "bad");
  toys.restart();
  CHECK(toys.ask("bad", "get").find("the sum does not decode") != std::string::npos);
  CHECK(toys.ask("bad", "add 1").find("error: ") == 0);
  CHECK(toys.ask("good", "add 1") == "7");
  toys.ask("good", "send bad add 1");
  toys.reports.wait("message_parked bad");
  CHECK(toys.ask("good", "get") == "7");
  CHECK(toys.host->stats().restarts == 0);
}

TEST_CASE("an actor whose effects cannot land is restarted as it was on disk", "[host]") {
  ToyHost toys;
  CHECK(toys.ask("a", "add 5") == "5");
  const auto impossible = toys.send("a", "long");
  toys.reports.wait("actor_restarted a");
  CHECK(toys.ask("a", "add 1") == "6");
  CHECK(toys.host->stats().restarts == 1);
  CHECK(toys.host->stats().activations == 2);
  CHECK(toys.ask("b", "add 1") == "1");
  // Whoever asked for it must not wait for ever.
  CHECK(toys.sink.count(impossible) == 1);
}

TEST_CASE("replies to an edge that has left are dropped", "[host]") {
  ToyHost toys;
  CollectingSink other;
  const auto second = toys.host->add_edge(other);
  CHECK(second != toys.edge);
  CHECK(second != 0);
  toys.host->ask(toy("a"), line("add 1"), {second, 7});
  CHECK(other.wait(7) == "1");
  toys.host->remove_edge(second);
  toys.host->ask(toy("a"), line("add 1"), {second, 8});
  toys.host->ask(toy("a"), line("add 1"), {});
  CHECK(toys.ask("a", "get") == "3");
  CHECK(other.count(8) == 0);
}

TEST_CASE("a host prepares itself before any timer fires", "[host]") {
  const TempFolder folder;
  ToyWorld world;
  ManualClock clock;
  const auto live = [&](const std::string& command, std::uint64_t calls) {
    HostOptions options;
    options.store.directory = folder.path();
    options.store.sync = false;
    options.kinds.push_back(toy_kind_in(world));
    options.prepare = [command](Host& host) { host.ask(toy("a"), line(command), {}); };
    HostHooks hooks;
    hooks.fatal = [](const std::string&) { std::abort(); };
    hooks.report = [](const std::string&, const std::string&, const std::string&,
                      const std::string&) {};
    const auto started = Host::start(clock, std::move(options), std::move(hooks));
    REQUIRE(started.ok());
    world.called.wait(calls);
  };
  live("timer t 10 1", 1);
  clock.advance(Duration{20});
  live("get", 3);
  CHECK(world.lines() == std::vector<std::string>{"a: timer t 10 1", "a: get", "a: timer t"});
}

TEST_CASE("a host does not start on a store that cannot be opened", "[host]") {
  ManualClock clock;
  HostOptions options;
  options.store.directory = "/dev/null/store";
  const auto refused = Host::start(clock, std::move(options), HostHooks{});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::unavailable);
}
