// The order and the atomicity of commits.
#include "runtime/store/committer.h"

#include "runtime/store/key.h"
#include "tests/runtime/store/store_support.h"

#include <catch2/catch.hpp>

#include <set>
#include <thread>

using namespace troupe;
using namespace troupe::test;

namespace {

std::string key_of(std::uint64_t number) {
  return KeyWriter().u64(number).key();
}

Committer::Hooks no_hooks() {
  Committer::Hooks hooks;
  hooks.fatal = [](const std::string&) { std::abort(); };
  return hooks;
}

Commit row(std::uint64_t key, std::optional<Bytes> value) {
  Commit commit;
  commit.rows.push_back({things.id, key_of(key), std::move(value)});
  return commit;
}

Commit output(std::function<void()> run) {
  Commit commit;
  commit.outputs.push_back(std::move(run));
  return commit;
}

// A store in memory with its committer, held so that commits pile up.
struct Bench {
  MemoryStore store;
  Numbers numbers{0};
  Committer committer{store, numbers, no_hooks()};

  // The first commit is under way and waits; all that comes now shares the next batch.
  void hold() {
    const auto attempts = store.attempts();
    store.hold();
    committer.enqueue(row(9'999, word(0)));
    store.wait_for_attempts(attempts + 1);
  }
  void release() {
    store.release();
    committer.flush();
  }
  std::vector<std::pair<std::string, std::uint64_t>> rows(TableId table) {
    return all_rows(*store.snapshot(), table);
  }
};

}  // namespace

TEST_CASE("commits land in their order, whatever thread they come from", "[committer]") {
  const TempFolder folder;
  auto opened = Store::open(options_in(folder));
  REQUIRE(opened.ok());
  const auto store = std::move(opened).value();
  constexpr std::uint64_t per_thread = 500;
  std::vector<std::uint64_t> done;  // on the committer's thread
  std::mutex mutex;
  std::set<std::uint64_t> places;
  {
    Numbers numbers(0);
    Committer committer(*store, numbers, no_hooks());
    std::vector<std::thread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&committer, &done, &mutex, &places, t] {
        for (std::uint64_t i = 0; i < per_thread; ++i) {
          Commit commit = row(t, word(i));
          commit.outputs.push_back([&done, t, i] { done.push_back(t * per_thread + i); });
          const auto place = committer.enqueue(std::move(commit));
          const std::lock_guard lock(mutex);
          places.insert(place);
        }
      });
    }
    for (auto& thread : threads) thread.join();
    committer.flush();
    CHECK(committer.durable() == 4 * per_thread);
  }  // outputs too have run
  CHECK(places.size() == 4 * per_thread);
  CHECK(*places.begin() == 1);
  CHECK(*places.rbegin() == 4 * per_thread);
  REQUIRE(done.size() == 4 * per_thread);
  std::map<std::uint64_t, std::uint64_t> next;
  for (const auto item : done) CHECK(item % per_thread == next[item / per_thread]++);
  for (std::uint64_t t = 0; t < 4; ++t) {
    CHECK(number_in(*store->snapshot()->get(things.id, key_of(t))) == per_thread - 1);
  }
}

TEST_CASE("outputs leave only after their batch is on disk", "[committer]") {
  Bench bench;
  Signal left;
  bench.hold();
  std::uint64_t seen = 0;
  Commit commit = row(1, word(5));
  commit.outputs.push_back([&bench, &seen, &left] {
    const auto view = bench.store.snapshot();
    const auto value = view->get(things.id, key_of(1));
    seen = value ? number_in(*value) : 0;
    left.raise();
  });
  const auto place = bench.committer.enqueue(std::move(commit));
  CHECK(left.count() == 0);
  CHECK(bench.committer.durable() < place);
  CHECK(bench.committer.stats().waiting == 1);
  bench.store.release();
  left.wait();
  CHECK(seen == 5);
  CHECK(bench.committer.durable() == place);
}

TEST_CASE("a refusal waits its turn and writes nothing", "[committer]") {
  Bench bench;
  bench.hold();
  std::vector<int> order;
  Signal done;
  Commit first = row(1, word(1));
  first.outputs.push_back([&order] { order.push_back(1); });
  bench.committer.enqueue(std::move(first));
  bench.committer.enqueue(output([&order] { order.push_back(2); }));
  bench.committer.enqueue(output([&order, &done] {
    order.push_back(3);
    done.raise();
  }));
  CHECK(order.empty());
  bench.release();
  done.wait();
  CHECK(order == std::vector<int>{1, 2, 3});

  SECTION("not even a batch, if it comes alone") {
    const auto batches = bench.store.batches().size();
    Signal alone;
    const auto place = bench.committer.enqueue(output([&alone] { alone.raise(); }));
    alone.wait();
    CHECK(bench.committer.durable() == place);
    CHECK(bench.store.batches().size() == batches);
  }
}

TEST_CASE("the last change of a row in a batch wins", "[committer]") {
  Bench bench;
  bench.hold();
  bench.committer.enqueue(row(1, word(1)));
  bench.committer.enqueue(row(2, word(1)));
  bench.committer.enqueue(row(1, std::nullopt));
  bench.committer.enqueue(row(2, std::nullopt));
  bench.committer.enqueue(row(2, word(3)));
  const auto batches = bench.store.batches().size();
  bench.release();
  CHECK(bench.rows(things.id) ==
        std::vector<std::pair<std::string, std::uint64_t>>{{key_of(2), 3}, {key_of(9'999), 0}});
  CHECK(bench.store.batches().size() == batches + 2);
  CHECK(bench.store.batches().back().rows.size() == 2);
}

TEST_CASE("the same key in two tables is two rows", "[committer]") {
  Bench bench;
  bench.hold();
  Commit commit = row(1, word(1));
  commit.rows.push_back({others.id, key_of(1), word(2)});
  bench.committer.enqueue(std::move(commit));
  bench.release();
  CHECK(bench.rows(others.id).at(0).second == 2);
  CHECK(bench.rows(things.id).at(0).second == 1);
}

TEST_CASE("a message that was sent and handled within a batch leaves nothing", "[committer]") {
  Bench bench;
  int encoded = 0;
  const auto put = [&encoded](std::uint64_t number) {
    Commit commit;
    commit.inbox_puts.push_back({number, [&encoded, number] {
                                   ++encoded;
                                   return word(number);
                                 }});
    return commit;
  };
  const auto remove = [](std::uint64_t number) {
    Commit commit;
    commit.inbox_deletes.push_back(number);
    return commit;
  };
  bench.hold();
  bench.committer.enqueue(put(1));
  bench.committer.enqueue(put(2));
  bench.committer.enqueue(remove(1));
  bench.release();
  CHECK(encoded == 1);
  CHECK(bench.rows(tables::inbox.id) ==
        std::vector<std::pair<std::string, std::uint64_t>>{{key_of(2), 2}});
  const auto last = bench.store.batches().back();
  for (const auto& op : last.rows) CHECK(op.key != key_of(1));

  SECTION("and one that was handled later is deleted then") {
    bench.committer.enqueue(remove(2));
    bench.committer.flush();
    CHECK(bench.rows(tables::inbox.id).empty());
  }
}

TEST_CASE("events are numbered without gaps, over a reopen too", "[committer]") {
  const TempFolder folder;
  std::uint64_t published = 0;
  std::uint64_t place = 0;
  for (std::uint64_t life = 0; life < 3; ++life) {
    auto opened = Store::open(options_in(folder));
    REQUIRE(opened.ok());
    const auto store = std::move(opened).value();
    Numbers numbers(store->snapshot()->state().numbers_reserved);
    auto hooks = no_hooks();
    hooks.published = [&published](std::uint64_t last) { published = last; };
    Committer committer(*store, numbers, hooks);
    CHECK(committer.last_event() == life * 20);
    CHECK(committer.durable() == place);
    for (std::uint64_t i = 0; i < 10; ++i) {
      Commit commit;
      commit.events = {word(life * 20 + 2 * i + 1), word(life * 20 + 2 * i + 2)};
      CHECK(committer.enqueue(std::move(commit)) == ++place);
    }
    committer.flush();
    CHECK(committer.last_event() == (life + 1) * 20);
    const auto rows = all_rows(*store->snapshot(), tables::events.id);
    REQUIRE(rows.size() == (life + 1) * 20);
    for (std::uint64_t i = 0; i < rows.size(); ++i) {
      CHECK(rows[i].first == key_of(i + 1));
      CHECK(rows[i].second == i + 1);
    }
    CHECK(store->snapshot()->state().sequence == place);
  }
  CHECK(published == 60);
}

TEST_CASE("numbers are never given twice", "[committer]") {
  MemoryStore store;
  std::uint64_t last = 0;
  for (int life = 0; life < 3; ++life) {
    Numbers numbers(store.snapshot()->state().numbers_reserved);
    const Committer committer(store, numbers, no_hooks());
    const auto first = numbers.next();
    CHECK(first > last);
    // Nothing that used these was committed when the process ended.
    for (int i = 0; i < 1'000; ++i) last = numbers.next();
    CHECK(last == first + 1'000);
    CHECK(store.snapshot()->state().numbers_reserved >= last);
  }

  SECTION("and commits reserve more before they run out") {
    Numbers numbers(store.snapshot()->state().numbers_reserved);
    Committer committer(store, numbers, no_hooks());
    for (int i = 0; i < 5; ++i) {
      for (std::uint64_t n = 0; n < Numbers::block * 2 / 5; ++n) last = numbers.next();
      committer.enqueue({});
      committer.flush();
      CHECK(store.snapshot()->state().numbers_reserved >= last + Numbers::block / 2);
    }
  }
  SECTION("and none is given that is not reserved") {
    Numbers numbers(0);
    CHECK_THROWS_AS(numbers.next(), AssertionError);
    numbers.set_reserved(3);
    CHECK(numbers.next() == 2);
    CHECK(numbers.next() == 3);
    CHECK_THROWS_AS(numbers.next(), AssertionError);
  }
}

TEST_CASE("more than one batch can take is written in several, in order", "[committer]") {
  Bench bench;
  bench.hold();
  std::vector<std::uint64_t> order;
  Signal done;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    Commit commit = row(1, word(i));
    commit.outputs.push_back([&order, &done, i] {
      order.push_back(i);
      done.raise();
    });
    bench.committer.enqueue(std::move(commit));
  }
  bench.store.release();
  done.wait(1'000);
  REQUIRE(order.size() == 1'000);
  for (std::uint64_t i = 0; i < order.size(); ++i) REQUIRE(order[i] == i);
  CHECK(bench.rows(things.id).at(0).second == 999);
  const auto batches = bench.store.batches();
  CHECK(batches.size() > 3);
  for (std::size_t i = 1; i < batches.size(); ++i) {
    CHECK(batches[i].state.batch == batches[i - 1].state.batch + 1);
    CHECK(batches[i].state.sequence > batches[i - 1].state.sequence);
  }
}

TEST_CASE("what is queued when the committer ends is written first", "[committer]") {
  MemoryStore store;
  Signal left;
  {
    Numbers numbers(0);
    Committer committer(store, numbers, no_hooks());
    for (std::uint64_t i = 1; i <= 200; ++i) {
      Commit commit = row(i, word(i));
      commit.outputs.push_back([&left] { left.raise(); });
      committer.enqueue(std::move(commit));
    }
  }
  CHECK(all_rows(*store.snapshot(), things.id).size() == 200);
  CHECK(left.count() == 200);
}
