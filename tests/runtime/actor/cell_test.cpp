// One durable actor without threads of its own: what each outcome of a handler leaves behind.
#include "runtime/actor/cell.h"

#include "runtime/actor/envelope.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"
#include "tests/runtime/actor/toy.h"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;

namespace {

Committer::Hooks no_hooks() {
  Committer::Hooks hooks;
  hooks.fatal = [](const std::string&) { std::abort(); };
  return hooks;
}

struct Bench {
  ToyWorld world;
  Kind kind = toy_kind_in(world);
  ManualClock clock;
  MemoryStore store;
  Numbers numbers{0};
  std::vector<Delivery> sent;
  std::vector<Reply> replies;  // written by the committer's thread before `replied`
  Signal replied;
  Reports reports;
  TimerTable timers{clock, store, numbers, {}};
  Suspects suspects{""};
  // Its thread ends before what its outputs touch.
  std::unique_ptr<Committer> committer = std::make_unique<Committer>(store, numbers, no_hooks());
  CellServices services{clock,
                        store,
                        *committer,
                        numbers,
                        timers,
                        suspects,
                        [this](Delivery delivery) { sent.push_back(std::move(delivery)); },
                        [this](std::vector<Reply> some) {
                          for (auto& reply : some) replies.push_back(std::move(reply));
                          replied.raise();
                        },
                        [this](const std::string&,
                               const std::string& event,
                               const ActorId& id,
                               const std::string& why) { reports.add(event, id.key, why); }};
  std::unique_ptr<Cell> cell = std::make_unique<Cell>(kind, toy("a"), services);
  std::uint64_t calls = 0;

  ~Bench() {
    store.release();
    committer.reset();
  }

  void process(Delivery delivery) {
    delivery.to = toy("a");
    delivery.number = numbers.next();
    cell->process(delivery);
  }
  /// A command from outside.
  void command(const std::string& text) {
    Delivery delivery;
    delivery.message.body = line(text);
    delivery.message.reply_to = {1, ++calls};
    process(std::move(delivery));
  }
  /// A message from another actor, in the inbox. Answers its number.
  std::uint64_t message(const std::string& text) {
    Delivery delivery;
    delivery.to = toy("a");
    delivery.number = numbers.next();
    delivery.message.source = Message::Source::actor;
    delivery.message.from = toy("sender");
    delivery.message.body = line(text);
    Commit commit;
    commit.inbox_puts.push_back({delivery.number, [body = delivery.message.body] {
                                   return encode_envelope(toy("sender"), toy("a"), 0, body);
                                 }});
    committer->enqueue(std::move(commit));
    committer->flush();
    const auto number = delivery.number;
    cell->process(delivery);
    return number;
  }
  void timer(const std::string& name, Instant due, std::uint64_t attempt) {
    Delivery delivery;
    delivery.message.source = Message::Source::timer;
    delivery.message.timer = name;
    delivery.message.due = due;
    delivery.message.attempt = attempt;
    process(std::move(delivery));
  }
  std::string last_reply() {
    replied.wait(calls);
    const auto& body = replies.back().body;
    return body.ok() ? line_of(body.value()) : "error: " + body.error().detail;
  }
  void reactivate() {
    committer->flush();
    cell = std::make_unique<Cell>(kind, toy("a"), services);
  }
  std::uint64_t count(const TableSpec& table) {
    committer->flush();
    return store.snapshot()->count(table.id);
  }
};

}  // namespace

TEST_CASE("a command's reply leaves when its rows are on disk", "[cell]") {
  Bench bench;
  bench.store.hold();
  const auto attempts = bench.store.attempts();
  bench.command("add 5");
  bench.store.wait_for_attempts(attempts + 1);
  CHECK(bench.replied.count() == 0);
  CHECK_FALSE(bench.cell->can_passivate());
  bench.store.release();
  CHECK(bench.last_reply() == "5");
  CHECK(bench.replies.back().to == ReplyTo{1, 1});
  CHECK(bench.cell->can_passivate());
  CHECK(bench.count(tables::names) == 1);
  bench.reactivate();
  bench.command("get");
  CHECK(bench.last_reply() == "5");
}

TEST_CASE("a refusal changes nothing and waits for what came before it", "[cell]") {
  Bench bench;
  bench.store.hold();
  const auto attempts = bench.store.attempts();
  bench.command("add 5");
  bench.command("refuse");
  bench.store.wait_for_attempts(attempts + 1);
  CHECK(bench.replied.count() == 0);
  bench.store.release();
  CHECK(bench.last_reply() == "error: refused");
  CHECK(bench.replies.back().body.error().code == Errc::conflict);
  CHECK(line_of(bench.replies.front().body.value()) == "5");
}

TEST_CASE("an actor that only answers leaves no rows", "[cell]") {
  Bench bench;
  bench.command("get");
  CHECK(bench.last_reply() == "0");
  bench.command("refuse");
  bench.last_reply();
  CHECK(bench.count(tables::names) == 0);
}

TEST_CASE("a handler that throws refuses its command and changes nothing", "[cell]") {
  Bench bench;
  bench.command("add 5");
  bench.command("throw");
  CHECK(bench.last_reply() == "error: told to throw");
  CHECK(bench.replies.back().body.error().code == Errc::internal);
  CHECK(bench.reports.count("handler_threw a: told to throw") == 1);
  CHECK(bench.world.called.count() == 2);  // a command is not tried again
  bench.command("get");
  CHECK(bench.last_reply() == "5");
  CHECK(bench.count(tables::dead_letters) == 0);
}

TEST_CASE("an actor's message that throws is tried again, then parked", "[cell]") {
  Bench bench;
  SECTION("it works the third time") {
    bench.world.fail_next(2);
    bench.message("flaky 7");
    CHECK(bench.world.called.count() == 3);
    CHECK(bench.count(tables::inbox) == 0);
    CHECK(bench.count(tables::dead_letters) == 0);
    bench.command("get");
    CHECK(bench.last_reply() == "7");
  }
  SECTION("it never works") {
    bench.world.fail_next(3);
    const auto number = bench.message("flaky 7");
    CHECK(bench.world.called.count() == 3);
    CHECK(bench.count(tables::inbox) == 0);
    CHECK(bench.reports.count("message_parked a: flaky") == 1);
    CHECK(bench.reports.count("message_retried") == 2);
    const auto view = bench.store.snapshot();
    const auto row = view->get(tables::dead_letters.id, KeyWriter().u64(number).key());
    REQUIRE(row.has_value());
    Stored<schema::Envelope> letter(*row);
    CHECK(str(letter.get().getFromKey()) == "sender");
    CHECK(letter.get().getAttempts() == 3);
    CHECK(str(letter.get().getError()) == "flaky");
    bench.command("get");
    CHECK(bench.last_reply() == "0");
  }
  SECTION("it is refused each time") {
    bench.message("refuse");
    CHECK(bench.world.called.count() == 3);
    CHECK(bench.count(tables::dead_letters) == 1);
  }
}

TEST_CASE("sends go out with the commit that makes them", "[cell]") {
  Bench bench;
  bench.store.hold();
  bench.command("send b add 3");
  REQUIRE(bench.sent.size() == 1);
  CHECK(bench.sent[0].to == toy("b"));
  CHECK(bench.sent[0].message.from == toy("a"));
  CHECK(line_of(bench.sent[0].message.body) == "add 3");
  bench.store.release();
  CHECK(bench.count(tables::inbox) == 1);
  const auto view = bench.store.snapshot();
  const auto row = view->get(tables::inbox.id, KeyWriter().u64(bench.sent[0].number).key());
  REQUIRE(row.has_value());
  CHECK(line_of(decode_envelope(1, *row).message.body) == "add 3");
}

TEST_CASE("a timer is a row until it fires or is cleared", "[cell]") {
  Bench bench;
  const Instant due = bench.clock.wall_now() + Duration{50};
  bench.command("timer t 50 4");
  CHECK(bench.count(tables::timers) == 1);
  CHECK(bench.count(tables::timers_of) == 1);

  SECTION("it fires once") {
    bench.timer("t", due, 4);
    CHECK(bench.count(tables::timers) == 0);
    CHECK(bench.count(tables::timers_of) == 0);
    bench.timer("t", due, 4);
    bench.command("get");
    CHECK(bench.last_reply() == "1000");
  }
  SECTION("also after the actor was away") {
    bench.reactivate();
    bench.timer("t", due, 4);
    bench.command("get");
    CHECK(bench.last_reply() == "1000");
    CHECK(bench.count(tables::timers) == 0);
  }
  SECTION("a late one of another attempt, time or name is ignored") {
    bench.timer("t", due, 3);
    bench.timer("t", due + Duration{1}, 4);
    bench.timer("u", due, 4);
    bench.command("get");
    CHECK(bench.last_reply() == "0");
    CHECK(bench.count(tables::timers) == 1);
  }
  SECTION("cleared, it is ignored") {
    bench.command("clear t");
    CHECK(bench.count(tables::timers) == 0);
    bench.timer("t", due, 4);
    bench.command("clear t");
    bench.command("get");
    CHECK(bench.last_reply() == "0");
  }
  SECTION("set again, only the new one counts") {
    bench.command("timer t 70 5");
    CHECK(bench.count(tables::timers) == 1);
    bench.timer("t", due, 4);
    bench.timer("t", due + Duration{20}, 5);
    bench.command("get");
    CHECK(bench.last_reply() == "1000");
    CHECK(bench.count(tables::timers) == 0);
  }
}

TEST_CASE("a delay is kept on the line of delays, whatever the wall clock says", "[cell]") {
  Bench bench;
  bench.clock.set_wall(bench.clock.wall_now() + Duration{7'200'000});
  bench.command("delay t 50 4");
  CHECK(bench.count(tables::timers) == 1);
  const auto due = [&bench] {
    TimerEntry found;
    bench.store.snapshot()->scan(tables::timers.id, {}, [&](std::string_view key, WordSpan row) {
      found = TimerEntry::decode(key, row);
      return false;
    });
    CHECK(found.delay);
    return found.due;
  };
  const auto first = due();
  // The time of day as it was before it was stepped.
  CHECK(first == bench.clock.wall_now() - Duration{7'200'000} + Duration{50});

  SECTION("it fires and is gone") {
    bench.reactivate();
    bench.timer("t", first, 4);
    CHECK(bench.world.lines().back() == "a: timer t");
  }
  SECTION("it is cleared") {
    bench.command("clear t");
  }
  SECTION("it is cleared by another activation") {
    bench.reactivate();
    bench.command("clear t");
  }
  SECTION("it is moved") {
    bench.reactivate();
    bench.clock.advance(Duration{20});
    bench.command("delay t 50 5");
    CHECK(bench.count(tables::timers) == 1);
    CHECK(due() == first + Duration{20});
    bench.command("clear t");
  }
  CHECK(bench.count(tables::timers) == 0);
  CHECK(bench.count(tables::timers_of) == 0);
  CHECK(bench.timers.stats().pending == 0);
}

TEST_CASE("an actor that is removed leaves neither name nor timers", "[cell]") {
  Bench bench;
  bench.command("add 5");
  bench.command("timer t 50 1");
  bench.command("timer u 60 1");
  bench.command("remove");
  CHECK(bench.last_reply() == "0");
  CHECK(bench.count(tables::names) == 0);
  CHECK(bench.count(tables::timers) == 0);
  CHECK(bench.count(tables::timers_of) == 0);
  CHECK(bench.count(things) == 0);
  bench.command("add 2");
  CHECK(bench.count(tables::names) == 1);
  bench.reactivate();
  bench.command("get");
  CHECK(bench.last_reply() == "2");
}

TEST_CASE("an actor with a listener stays in memory", "[cell]") {
  Bench bench;
  bench.command("listen");
  CHECK(bench.last_reply() == "0");
  CHECK(bench.replies.back().more);
  CHECK_FALSE(bench.cell->can_passivate());
}

TEST_CASE("an actor whose rows do not decode refuses, and parks its messages", "[cell]") {
  Bench bench;
  bench.command("add " + std::to_string(undecodable));
  bench.last_reply();
  bench.reactivate();
  CHECK(bench.reports.count("activation_failed a: the sum does not decode") == 1);
  bench.command("get");
  CHECK(bench.last_reply().find("the sum does not decode") != std::string::npos);
  CHECK(bench.replies.back().body.error().code == Errc::corrupt);
  bench.message("add 1");
  CHECK(bench.count(tables::dead_letters) == 1);
  CHECK(bench.cell->can_passivate());
}
