// Who gets what, in which order.
#include "actors/task_queue/queue_actor.h"
#include "runtime/store/message.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;
using task_queue::QueueState;

// A queue by itself: its state, its rows, and what it has handed out.
struct Desk {
  QueueState state;
  MemoryRows rows;
  std::uint64_t numbers = 0;
  Names handed_out;  // `task -> worker id`
  int continues = 0;

  Desk() {
    state.task_queue_id = default_queue.key;
    state.whole = true;
  }

  void handle(Bytes body, const std::string& from = "") {
    Message message;
    message.source = from.empty() ? Message::Source::command : Message::Source::actor;
    message.from = task_id(from);
    message.body = std::move(body);
    const Context context{default_queue, start, ++numbers, rows};
    auto t = task_queue::transition(state, message, context).value();
    rows.apply(t.effects.rows);
    apply(state, std::move(t.changes));
    for (const Send& send : t.effects.sends) {
      if (send.to == default_queue) ++continues;
      if (send.to.kind == kinds::task) note_claim(send);
    }
    CHECK(state.pending == rows.count(tables::queue_entries.id));  // Q2
  }

  void note_claim(const Send& send) {
    Stored<schema::TaskMessage> stored(send.body);
    if (!stored.get().isClaimRun()) return;
    handed_out.push_back(send.to.key + " -> " +
                         str(stored.get().getClaimRun().getEntryWorker().getWorkerId()));
  }

  // Also what it has told itself.
  void settle() {
    for (; continues > 0; --continues) {
      handle(build<schema::TaskQueueMessage>([](auto m) { m.setContinueMatching(); }));
    }
  }

  void put(const std::string& task, std::uint64_t number, Priority priority = Priority::LOWEST) {
    handle(build<schema::TaskQueueMessage>([&](schema::TaskQueueMessage::Builder m) {
             auto entry = m.initPutEntry();
             entry.setPriority(priority);
             entry.setNumber(number);
           }),
           task);
    settle();
  }

  void remove(std::uint64_t number) {
    handle(build<schema::TaskQueueMessage>([number](schema::TaskQueueMessage::Builder m) {
             m.initRemoveEntry().setAtNumber(number);
           }),
           "any");
    settle();
  }

  void ask(const Slots& slots) {
    handle(await(slots));
    settle();
  }
};

TEST_CASE("entries come out by priority, then by age", "[queue]") {
  Desk desk;
  desk.put("low old", 1, Priority::LOW);
  desk.put("high old", 2, Priority::HIGH);
  desk.put("low new", 4, Priority::LOW);
  desk.put("high late", 6, Priority::HIGH);
  desk.put("high new", 5, Priority::HIGH);
  desk.put("highest", 7, Priority::HIGHEST);
  desk.ask({.count = 5});
  CHECK(desk.handed_out ==
        Names{"highest -> w", "high old -> w", "high new -> w", "high late -> w", "low old -> w"});
  CHECK(desk.state.pending == 1);
}

TEST_CASE("workers that wait take turns", "[queue]") {
  Desk desk;
  desk.ask({.worker = "g/a", .session = 1, .count = 2});
  desk.ask({.worker = "g/b", .session = 2, .count = 2});
  for (std::uint64_t i = 1; i <= 5; ++i) desk.put(std::to_string(i), i);
  CHECK(desk.handed_out == Names{"1 -> a", "2 -> b", "3 -> a", "4 -> b"});
  desk.ask({.worker = "g/b", .session = 2, .count = 1});
  CHECK(desk.handed_out.back() == "5 -> b");
  CHECK(desk.rows.count(tables::queue_entries.id) == 0);
}

TEST_CASE("slots that are taken back are not served", "[queue]") {
  Desk desk;
  desk.ask({.count = 3});
  desk.ask({.count = -2});
  desk.put("1", 1);
  desk.put("2", 2);
  CHECK(desk.handed_out == Names{"1 -> w"});
  desk.ask({.count = -5});
  desk.ask({.count = 1});
  CHECK(desk.handed_out == Names{"1 -> w", "2 -> w"});
}

TEST_CASE("who left is not served", "[queue]") {
  Desk desk;
  desk.ask({.count = 3});
  desk.handle(leave(1));
  desk.put("1", 1);
  CHECK(desk.handed_out.empty());
  CHECK(desk.state.turns.empty());
}

TEST_CASE("an entry that is removed is not handed out", "[queue]") {
  Desk desk;
  desk.put("1", 1);
  desk.put("2", 2);
  desk.remove(1);
  desk.remove(1);
  desk.remove(9);
  desk.ask({.count = 2});
  CHECK(desk.handed_out == Names{"2 -> w"});
}

TEST_CASE("a queue that is longer than its window keeps the order", "[queue]") {
  Desk desk;
  const std::uint64_t count = 2 * task_queue::window_max;
  for (std::uint64_t i = 1; i <= count; ++i) desk.put(std::to_string(i), 2 * i);
  CHECK(desk.state.window.size() <= task_queue::window_max);
  CHECK_FALSE(desk.state.whole);
  desk.put("urgent", 3 * count, Priority::HIGH);
  desk.remove(2 * count);
  desk.ask({.count = static_cast<int>(count) + 10});
  Names expected{"urgent -> w"};
  for (std::uint64_t i = 1; i < count; ++i) expected.push_back(std::to_string(i) + " -> w");
  CHECK(desk.handed_out.size() == expected.size());
  CHECK((desk.handed_out == expected));
  CHECK(desk.rows.count(tables::queue_entries.id) == 0);
  desk.put("next", 9 * count);
  CHECK(desk.handed_out.back() == "next -> w");
}

TEST_CASE("a claim that is refused goes to the next task", "[queue]") {
  Cast cast;
  REQUIRE(cast.ask(task_id("A"), create_task("A")).ok());
  REQUIRE(cast.ask(task_id("B"), create_task("B")).ok());
  cast.take_events();
  // The worker is matched with A; A is cancelled before it hears of it.
  cast.tell(task_id("A"), cancel());
  cast.tell(default_queue, await({}));
  cast.run();
  CHECK(cast.task("A").state() == State::EXCEPTION);
  CHECK(cast.task("B").state() == State::RUNNING);
  CHECK(cast.rows(default_queue).count(tables::queue_entries.id) == 0);
  CHECK(cast.faults == Names{});
}

TEST_CASE("tasks of several priorities are claimed in order", "[queue]") {
  Cast cast;
  REQUIRE(cast.ask(task_id("A"), create_task("A", {.priority = Priority::LOW})).ok());
  REQUIRE(cast.ask(task_id("B"), create_task("B", {.priority = Priority::HIGH})).ok());
  REQUIRE(cast.ask(task_id("C"), create_task("C", {.priority = Priority::LOW})).ok());
  REQUIRE(cast.ask(task_id("D"), create_task("D", {.queue = "local/other"})).ok());
  cast.take_events();
  for (int i = 0; i < 4; ++i) REQUIRE(cast.ask(default_queue, await({})).ok());
  CHECK(cast.take_events() == Names{"task-running B.0", "task-running A.0", "task-running C.0"});
  CHECK(cast.task("D").state() == State::PENDING);
  CHECK(cast.faults == Names{});
}

TEST_CASE("after a restart a queue knows its entries, and workers ask again", "[queue]") {
  Cast cast;
  REQUIRE(cast.ask(task_id("A"), create_task("A")).ok());
  REQUIRE(cast.ask(task_queue_id("local/other"), await({})).ok());
  cast.restart();
  REQUIRE(cast.ask(task_id("B"), create_task("B", {.queue = "local/other"})).ok());
  CHECK(cast.task("B").state() == State::PENDING);
  REQUIRE(cast.ask(default_queue, await({})).ok());
  CHECK(cast.task("A").state() == State::RUNNING);
  CHECK(cast.faults == Names{});
}

}  // namespace
}  // namespace troupe::test
