// The bridge between an event loop and actors. The test's thread is the loop; it waits on promises.
#include "runtime/rpc/edge.h"

#include "tests/runtime/actor/host_support.h"

#include <kj/async-io.h>

#include <malloc.h>

#include <thread>

using namespace troupe;
using namespace troupe::test;

namespace {

// A host of counters and an event loop with an edge to it.
struct Bench {
  ToyHost toys;
  kj::AsyncIoContext io = kj::setupAsyncIo();
  std::unique_ptr<Edge> edge = std::make_unique<Edge>(*toys.host);
  // Held as long as the edge is used.
  kj::Maybe<kj::Promise<void>> running = edge->run().eagerlyEvaluate(nullptr);

  ~Bench() { end_edge(); }
  void end_edge() {
    running = nullptr;
    edge.reset();
  }

  std::string text(kj::Promise<Result<Bytes>> promise) {
    const auto answer = promise.wait(io.waitScope);
    return answer.ok() ? line_of(answer.value()) : "error: " + answer.error().detail;
  }
  std::string ask(const std::string& key, const std::string& what) {
    return text(edge->ask(toy(key), line(what)));
  }
};

// A promise that callbacks on the loop fulfil.
struct Gate {
  kj::PromiseFulfillerPair<void> paf = kj::newPromiseAndFulfiller<void>();
  void open() { paf.fulfiller->fulfill(); }
  void wait(Bench& bench) { kj::mv(paf.promise).wait(bench.io.waitScope); }
};

}  // namespace

TEST_CASE("an edge asks and is answered", "[edge]") {
  Bench bench;
  CHECK(bench.ask("a", "add 5") == "5");
  CHECK(bench.ask("a", "refuse") == "error: refused");
  CHECK(bench.ask("a", "get") == "5");
}

TEST_CASE("many calls at once each get their own answer", "[edge]") {
  Bench bench;
  std::vector<kj::Promise<Result<Bytes>>> calls;
  for (int i = 1; i <= 500; ++i) {
    calls.push_back(bench.edge->ask(toy(std::to_string(i)), line("add " + std::to_string(i))));
  }
  for (int i = 500; i >= 1; --i) {
    CHECK(bench.text(kj::mv(calls[static_cast<std::size_t>(i - 1)])) == std::to_string(i));
  }
}

TEST_CASE("a call that is given up harms no other", "[edge]") {
  Bench bench;
  { const auto dropped = bench.edge->ask(toy("a"), line("add 1")); }
  CHECK(bench.ask("a", "add 1") == "2");
}

TEST_CASE("a subscription hears each answer until the last", "[edge]") {
  Bench bench;
  std::vector<std::pair<std::string, bool>> heard;
  Gate third;
  const auto subscription =
      bench.edge->subscribe(toy("a"), line("listen"), [&](Result<Bytes> answer, bool more) {
        heard.emplace_back(line_of(answer.value()), more);
        if (heard.size() == 3) third.open();
      });
  CHECK(bench.ask("a", "add 2") == "2");
  CHECK(bench.ask("a", "remove") == "0");
  third.wait(bench);
  CHECK(heard == std::vector<std::pair<std::string, bool>>{{"0", true}, {"2", true}, {"0", false}});
  CHECK(bench.ask("a", "add 1") == "1");
  CHECK(bench.ask("a", "get") == "1");
  CHECK(heard.size() == 3);
}

TEST_CASE("a dropped subscription hears nothing more", "[edge]") {
  Bench bench;
  int heard = 0;
  Gate first;
  auto subscription = bench.edge->subscribe(toy("a"), line("listen"), [&](Result<Bytes>, bool) {
    if (++heard == 1) first.open();
  });
  first.wait(bench);
  subscription.reset();
  CHECK(bench.ask("a", "add 2") == "2");
  CHECK(bench.ask("a", "add 2") == "4");  // what the first told its listener came before
  CHECK(heard == 1);
}

TEST_CASE("a subscriber may leave while it is told", "[edge]") {
  Bench bench;
  std::unique_ptr<Edge::Subscription> subscription;
  int heard = 0;
  Gate left;
  subscription = bench.edge->subscribe(toy("a"), line("listen"), [&](Result<Bytes>, bool) {
    ++heard;
    subscription.reset();
    left.open();
  });
  left.wait(bench);
  CHECK(bench.ask("a", "add 1") == "1");
  CHECK(bench.ask("a", "add 1") == "2");
  CHECK(heard == 1);
}

TEST_CASE("who has stopped waiting for an event leaves nothing behind", "[edge]") {
  Bench bench;
  auto waits = bench.edge->wait_for_event({0});
  const auto stop_waiting = [&bench](int count) {
    for (int i = 0; i < count; ++i) const auto dropped = bench.edge->wait_for_event({0});
  };
  stop_waiting(100);
  const auto before = mallinfo2().uordblks;
  stop_waiting(100'000);
  CHECK(mallinfo2().uordblks < before + 100'000);
  bench.toys.send("a", "event");
  waits.wait(bench.io.waitScope);
}

TEST_CASE("a wait for an event ends when a newer one is on disk", "[edge]") {
  Bench bench;
  auto first = bench.edge->wait_for_event({0});
  auto second = bench.edge->wait_for_event({1});
  CHECK_FALSE(first.poll(bench.io.waitScope));
  CHECK(bench.ask("a", "add 1") == "1");  // a batch without an event
  CHECK_FALSE(first.poll(bench.io.waitScope));

  bench.toys.send("a", "event");
  first.wait(bench.io.waitScope);
  CHECK(bench.toys.host->last_events() == EventPosition{1});
  CHECK_FALSE(second.poll(bench.io.waitScope));
  bench.toys.send("a", "event");
  second.wait(bench.io.waitScope);
  bench.edge->wait_for_event({1}).wait(bench.io.waitScope);  // it is there already
}

TEST_CASE("work posted from other threads runs on the loop", "[edge]") {
  Bench bench;
  const auto here = std::this_thread::get_id();
  int ran = 0;
  bool elsewhere = false;
  Gate all;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        bench.edge->post([&] {
          elsewhere = elsewhere || std::this_thread::get_id() != here;
          if (++ran == 400) all.open();
        });
      }
    });
  }
  all.wait(bench);
  for (auto& thread : threads) thread.join();
  CHECK(ran == 400);
  CHECK_FALSE(elsewhere);
}

TEST_CASE("replies that come after an edge's end are dropped", "[edge]") {
  Bench bench;
  for (int i = 0; i < 50; ++i) {
    const auto dropped = bench.edge->ask(toy("a"), line("add 1"));
  }
  bench.end_edge();
  CHECK(bench.toys.ask("a", "get") == "50");
  bench.toys.ask("a", "event");

  bench.edge = std::make_unique<Edge>(*bench.toys.host);
  bench.running = bench.edge->run().eagerlyEvaluate(nullptr);
  CHECK(bench.ask("a", "get") == "50");
}

TEST_CASE("a call still open when its edge ends fails", "[edge]") {
  Bench bench;
  auto open = bench.edge->ask(toy("a"), line("add 1"));
  bench.end_edge();
  CHECK_THROWS(open.wait(bench.io.waitScope));
  CHECK(bench.toys.ask("a", "get") == "1");
}
