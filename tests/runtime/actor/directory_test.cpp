#include "runtime/actor/directory.h"

#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>

#include <map>
#include <thread>

using namespace troupe;
using namespace troupe::test;

namespace {

ActorId actor(std::string key) {
  return {KindId{1}, std::move(key)};
}

Delivery delivery(const std::string& key, std::uint64_t number) {
  Delivery made;
  made.to = actor(key);
  made.number = number;
  return made;
}

bool always() {
  return true;
}

// Entries as they are made; nobody takes from them unless the test does.
struct Bench {
  std::vector<std::shared_ptr<Entry>> made;
  Directory directory{[this](const std::shared_ptr<Entry>& entry) { made.push_back(entry); }};
  int woken = 0;

  // As the supervisor does once it has spawned the actor.
  void spawn(const std::shared_ptr<Entry>& entry) {
    const std::lock_guard lock(entry->mutex);
    entry->wake = [this] { ++woken; };
    entry->passivate = [] {};
    entry->awake = true;
  }
  static std::vector<std::uint64_t> drain(Entry& entry) {
    std::vector<std::uint64_t> numbers;
    while (const auto next = Directory::next(entry)) numbers.push_back(next->number);
    return numbers;
  }
  std::size_t idle_count(std::int64_t before_ms, KindId kind = KindId{1}) {
    std::size_t count = 0;
    for (std::size_t slice = 0; slice < Directory::slices; ++slice) {
      count += directory.idle(kind, before_ms, slice).size();
    }
    return count;
  }
};

}  // namespace

TEST_CASE("deliveries to an actor keep their order from before it is spawned", "[directory]") {
  Bench bench;
  bench.directory.deliver(delivery("a", 1), 0);
  bench.directory.deliver(delivery("b", 2), 0);
  bench.directory.deliver(delivery("a", 3), 0);
  REQUIRE(bench.made.size() == 2);
  CHECK(bench.directory.size() == 2);
  CHECK(bench.woken == 0);
  Entry& a = *bench.made[0];
  bench.spawn(bench.made[0]);
  bench.directory.deliver(delivery("a", 4), 0);
  CHECK(bench.woken == 0);  // it is awake: it will see it
  CHECK(Bench::drain(a) == std::vector<std::uint64_t>{1, 3, 4});

  SECTION("and a sleeping one is woken once") {
    bench.directory.deliver(delivery("a", 5), 0);
    bench.directory.deliver(delivery("a", 6), 0);
    CHECK(bench.woken == 1);
    CHECK(Bench::drain(a) == std::vector<std::uint64_t>{5, 6});
    bench.directory.deliver(delivery("a", 7), 0);
    CHECK(bench.woken == 2);
  }
}

TEST_CASE("actors of two kinds with one key are two", "[directory]") {
  Bench bench;
  bench.directory.deliver(delivery("a", 1), 0);
  auto other = delivery("a", 2);
  other.to.kind = KindId{2};
  bench.directory.deliver(other, 0);
  CHECK(bench.made.size() == 2);
}

TEST_CASE("an actor leaves only when nothing speaks against it", "[directory]") {
  Bench bench;
  bench.directory.deliver(delivery("a", 1), 0);
  const auto entry = bench.made.at(0);
  CHECK_FALSE(bench.directory.remove_if_idle(entry, always));  // a delivery waits
  bench.spawn(entry);
  CHECK(Bench::drain(*entry).size() == 1);
  CHECK_FALSE(bench.directory.remove_if_idle(entry, [] { return false; }));
  bench.directory.deliver(delivery("a", 2), 0);
  CHECK_FALSE(bench.directory.remove_if_idle(entry, always));  // it was woken
  CHECK(Directory::next(*entry).has_value());
  CHECK_FALSE(bench.directory.remove_if_idle(entry, always));  // it is still awake
  CHECK_FALSE(Directory::next(*entry).has_value());
  CHECK(bench.directory.size() == 1);
  CHECK(bench.directory.remove_if_idle(entry, always));
  CHECK(bench.directory.size() == 0);

  bench.directory.deliver(delivery("a", 3), 0);
  REQUIRE(bench.made.size() == 2);
  CHECK(Bench::drain(*bench.made[1]) == std::vector<std::uint64_t>{3});
  CHECK(Bench::drain(*entry).empty());
}

TEST_CASE("idle actors are those of the kind that were not used", "[directory]") {
  Bench bench;
  for (int i = 0; i < 40; ++i) {
    bench.directory.deliver(delivery("actor " + std::to_string(i), 1), i);
  }
  CHECK(bench.idle_count(1'000) == 0);  // none is spawned
  for (const auto& entry : bench.made) bench.spawn(entry);
  CHECK(bench.idle_count(1'000) == 0);  // all are awake
  for (const auto& entry : bench.made) Bench::drain(*entry);
  CHECK(bench.idle_count(1'000) == 40);
  CHECK(bench.idle_count(10) == 10);
  CHECK(bench.idle_count(1'000, KindId{2}) == 0);
  for (int i = 0; i < 5; ++i) {
    bench.directory.deliver(delivery("actor " + std::to_string(i), 2), 100 + i);
    Bench::drain(*bench.made[static_cast<std::size_t>(i)]);
  }
  CHECK(bench.idle_count(10) == 5);  // the others are used now and then
  CHECK(bench.idle_count(102) == 37);
  CHECK(bench.directory.remove_if_idle(bench.made[7], always));
  CHECK(bench.idle_count(10) == 4);
  bench.directory.clear();
  CHECK(bench.directory.size() == 0);
}

TEST_CASE("an idle actor behind one that is at work is found", "[directory]") {
  Bench bench;
  bench.directory.deliver(delivery("at work", 1), 1);
  bench.directory.deliver(delivery("idle", 2), 2);
  auto other = delivery("at work", 3);
  other.to.kind = KindId{2};
  bench.directory.deliver(other, 3);
  for (const auto& entry : bench.made) bench.spawn(entry);
  Bench::drain(*bench.made[1]);
  CHECK(bench.idle_count(10) == 1);
  CHECK(bench.idle_count(10, KindId{2}) == 0);
  Bench::drain(*bench.made[0]);
  Bench::drain(*bench.made[2]);
  CHECK(bench.idle_count(10) == 2);
  CHECK(bench.idle_count(10, KindId{2}) == 1);
}

TEST_CASE("no delivery is lost to an actor that leaves at that moment", "[directory]") {
  // Two senders, and a "pool" of one thread that runs the actors and sends each away when it can.
  constexpr std::uint64_t per_sender = 4'000;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::shared_ptr<Entry>> runnable;
  const auto schedule = [&](const std::shared_ptr<Entry>& entry) {
    const std::lock_guard lock(mutex);
    runnable.push_back(entry);
    changed.notify_one();
  };
  Directory directory([&](const std::shared_ptr<Entry>& entry) {
    {
      const std::lock_guard lock(entry->mutex);
      entry->wake = [&schedule, weak = std::weak_ptr<Entry>(entry)] {
        if (const auto alive = weak.lock()) schedule(alive);
      };
      entry->awake = true;
    }
    schedule(entry);
  });
  std::vector<std::thread> senders;
  for (std::uint64_t sender = 0; sender < 2; ++sender) {
    senders.emplace_back([&directory, sender] {
      for (std::uint64_t i = 0; i < per_sender; ++i) {
        directory.deliver(delivery(i % 2 == 0 ? "a" : "b", sender * per_sender + i), 0);
      }
    });
  }
  std::map<std::pair<std::string, std::uint64_t>, std::uint64_t> last;  // by actor and sender
  std::uint64_t taken = 0;
  std::uint64_t left = 0;
  while (taken < 2 * per_sender) {
    std::shared_ptr<Entry> entry;
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return !runnable.empty(); });
      entry = runnable.front();
      runnable.pop_front();
    }
    while (const auto next = Directory::next(*entry)) {
      ++taken;
      auto& before = last[{entry->id.key, next->number / per_sender}];
      REQUIRE(next->number + 1 > before);
      before = next->number + 1;
    }
    left += directory.remove_if_idle(entry, always) ? 1 : 0;
  }
  for (auto& sender : senders) sender.join();
  CHECK(taken == 2 * per_sender);
  CHECK(left > 0);
}
