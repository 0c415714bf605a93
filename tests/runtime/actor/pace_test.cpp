// What is large goes on in slices, each behind what is queued for the disk.
#include "runtime/actor/node.h"
#include "runtime/store/shards.h"
#include "tests/runtime/actor/host_support.h"

#include <caf/scheduler/test_coordinator.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

namespace troupe::test {
namespace {

// A node that moves when it is told.
class Steps {
 public:
  Steps() {
    HostOptions options;
    options.store.directory = folder_.path();
    options.store.sync = false;
    options.kinds.push_back(toy_kind_in(world));
    options.store.tables = options.kinds.front().tables;
    HostHooks hooks;
    hooks.fatal = [](const std::string&) { std::abort(); };
    hooks.report = [](const auto&, const auto&, const auto&, const auto&) {};
    auto stores = open_shards(options.store, 1);
    REQUIRE(stores.ok());
    node.emplace(clock, std::move(stores).value(), options, hooks, NodeDrive{true, nullptr});
  }

  void tell(const std::string& key, const std::string& text) {
    node->ask(toy(key), line(text), ReplyTo{}, Admission::work);
    handle();
  }
  /// Handlers run until none has anything to do; nothing is written meanwhile.
  void handle() {
    dynamic_cast<caf::scheduler::test_coordinator&>(node->system().scheduler()).run();
  }
  void write() { node->shard(0).committer.flush(); }

  /// Lines that handlers have seen.
  std::size_t seen(const std::string& text) const {
    return static_cast<std::size_t>(std::ranges::count(world.lines(), text));
  }

  ToyWorld world;
  ManualClock clock;

 private:
  TempFolder folder_;

 public:
  std::optional<Node> node;
};

}  // namespace

TEST_CASE("a message to itself waits for what is queued for the disk", "[pace]") {
  Steps steps;
  steps.tell("a", "send b add 1");
  CHECK(steps.seen("b: add 1") == 1);
  steps.tell("a", "send a add 1");
  CHECK(steps.seen("a: add 1") == 0);
  steps.write();
  steps.handle();
  CHECK(steps.seen("a: add 1") == 1);
}

TEST_CASE("timers that are due fire while few of them are under way", "[pace]") {
  constexpr std::size_t count = 1'000;
  Steps steps;
  for (std::size_t i = 0; i < count; ++i) steps.tell("t" + std::to_string(i), "timer t 1000 1");
  steps.write();
  steps.clock.advance(Duration{5'000});
  std::size_t fired = 0;
  std::size_t most = 0;
  while (fired < count) {
    std::size_t under_way = 0;
    while (const auto more = steps.node->shard(0).timer_service.step(64)) under_way += more;
    REQUIRE(under_way > 0);
    most = std::max(most, under_way);
    fired += under_way;
    steps.handle();
    steps.write();
  }
  CHECK(fired == count);
  CHECK(most <= 256);
}

}  // namespace troupe::test
