// Who gets what, in which order.
#include "actors/kinds.h"
#include "actors/task_queue/line.h"
#include "runtime/store/message.h"
#include "schema/store/rows.capnp.h"
#include "tests/actors/support/cast.h"
#include "tests/actors/support/desk.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

void put(Desk& desk, const std::string& task, const NewEntry& entry) {
  desk.tell(task, put_entry(entry));
}

TEST_CASE("entries come out by priority, then by age", "[queue]") {
  Desk desk;
  put(desk, "low old", {1, Priority::LOW});
  put(desk, "high old", {2, Priority::HIGH});
  put(desk, "low new", {4, Priority::LOW});
  put(desk, "high late", {6, Priority::HIGH});
  put(desk, "high new", {5, Priority::HIGH});
  put(desk, "highest", {7, Priority::HIGHEST});
  desk.ask(await({.count = 5}));
  CHECK(desk.handed_out ==
        Names{"highest -> w", "high old -> w", "high new -> w", "high late -> w", "low old -> w"});
  CHECK(desk.pending() == 1);
  CHECK(desk.faults == Names{});
}

TEST_CASE("workers that wait take turns", "[queue]") {
  Desk desk;
  desk.ask(await({.worker = "g/a", .session = 1, .count = 2}));
  desk.ask(await({.worker = "g/b", .session = 2, .count = 2}));
  for (std::uint64_t i = 1; i <= 5; ++i) put(desk, std::to_string(i), {i});
  CHECK(desk.handed_out == Names{"1 -> a", "2 -> b", "3 -> a", "4 -> b"});
  desk.ask(await({.worker = "g/b", .session = 2, .count = 1}));
  CHECK(desk.handed_out.back() == "5 -> b");
  CHECK(desk.count(tables::queue_entries) == 0);
  CHECK(desk.faults == Names{});
}

TEST_CASE("slots that are taken back are not served", "[queue]") {
  Desk desk;
  desk.ask(await({.count = 3}));
  desk.ask(await({.count = -2}));
  put(desk, "1", {1});
  put(desk, "2", {2});
  CHECK(desk.handed_out == Names{"1 -> w"});
  desk.ask(await({.count = -5}));
  desk.ask(await({.count = 1}));
  CHECK(desk.handed_out == Names{"1 -> w", "2 -> w"});
}

TEST_CASE("who left is not served", "[queue]") {
  Desk desk;
  desk.ask(await({.count = 3}));
  desk.ask(leave(1));
  put(desk, "1", {1});
  CHECK(desk.handed_out.empty());
}

TEST_CASE("an entry that is removed is not handed out", "[queue]") {
  Desk desk;
  put(desk, "1", {1});
  put(desk, "2", {2});
  for (const std::uint64_t number : {1, 1, 9}) {
    desk.tell("any", remove_entry(Priority::LOWEST, number));
  }
  desk.ask(await({.count = 2}));
  CHECK(desk.handed_out == Names{"2 -> w"});
  CHECK(desk.faults == Names{});
}

TEST_CASE("a queue that is longer than its window keeps the order", "[queue]") {
  Desk desk;
  const std::uint64_t count = 2 * task_queue::LineSize{}.most;
  for (std::uint64_t i = 1; i <= count; ++i) put(desk, std::to_string(i), {2 * i});
  put(desk, "urgent", {3 * count, Priority::HIGH});
  desk.tell("any", remove_entry(Priority::LOWEST, 2 * count));
  desk.ask(await({.count = static_cast<int>(count) + 10}));
  Names expected{"urgent -> w"};
  for (std::uint64_t i = 1; i < count; ++i) expected.push_back(std::to_string(i) + " -> w");
  CHECK((desk.handed_out == expected));
  CHECK(desk.count(tables::queue_entries) == 0);
  put(desk, "next", {9 * count});
  CHECK(desk.handed_out.back() == "next -> w");
  CHECK(desk.faults == Names{});
}

TEST_CASE("an entry that moves keeps its age", "[queue]") {
  Desk desk;
  put(desk, "old", {1, Priority::LOW});
  put(desk, "middle", {2, Priority::HIGH});
  put(desk, "young", {3, Priority::HIGH, 7});
  desk.stored.clear();
  desk.now = start + minute;
  desk.tell("old", move_entry(Priority::LOW, 1, Priority::HIGH));
  desk.tell("young", move_entry(Priority::HIGH, 3, Priority::LOWEST));
  CHECK(desk.stored == Names{"old.0", "young.7"});
  const auto row = desk.rows.scan(tables::queue_entries.id, "", "", 1);
  CHECK(Stored<schema::EntryRow>(row.front().value).get().getInserted() == start.ms);
  desk.ask(await({.count = 3}));
  CHECK(desk.handed_out == Names{"old -> w", "middle -> w", "young -> w"});
  // One that is claimed already is answered all the same.
  desk.tell("old", move_entry(Priority::HIGH, 1, Priority::LOW));
  CHECK(desk.stored.size() == 3);
  CHECK(desk.faults == Names{});
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
