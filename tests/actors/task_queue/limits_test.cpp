// Entries that a concurrency limit holds back, and those that ask for resources.
#include "actors/kinds.h"
#include "actors/task_queue/lanes.h"
#include "tests/actors/support/desk.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

NewEntry limited(std::uint64_t number, std::uint32_t limit, Priority priority = Priority::LOW) {
  NewEntry entry;
  entry.number = number;
  entry.priority = priority;
  entry.key = "K";
  entry.limit = limit;
  return entry;
}

NewEntry needing(std::uint64_t number, Resources demands) {
  NewEntry entry;
  entry.number = number;
  entry.demands = std::move(demands);
  return entry;
}

void put(Desk& desk, const std::string& task, const NewEntry& entry) {
  desk.tell(task, put_entry(entry));
}

// Nothing is left of any limit.
void check_empty(Desk& desk) {
  CHECK(desk.pending() == 0);
  for (const TableSpec* table : {&tables::queue_entries, &tables::queue_lanes, &tables::queue_held,
                                 &tables::queue_admitted, &tables::queue_concurrency}) {
    CAPTURE(table->name);
    CHECK(desk.count(*table) == 0);
  }
  CHECK(desk.faults == Names{});
}

TEST_CASE("a limit holds entries back without blocking others", "[limits]") {
  Desk desk;
  put(desk, "A", limited(1, 2));
  put(desk, "B", limited(2, 2));
  put(desk, "C", limited(3, 2));
  put(desk, "free", {4});
  CHECK(desk.pending() == 4);
  desk.ask(await({.count = 10}));
  CHECK(desk.handed_out == Names{"A -> w", "B -> w", "free -> w"});
  for (int i = 0; i < 3; ++i) desk.answer(true);
  CHECK(desk.handed_out.size() == 3);
  desk.tell("B", claim_done(2));
  CHECK(desk.handed_out.back() == "C -> w");
  desk.answer(true);
  desk.tell("A", claim_done(1));
  desk.tell("C", claim_done(3));
  desk.tell("C", claim_done(3));  // said twice, counts once
  check_empty(desk);
}

TEST_CASE("a claim that comes to nothing gives its place back", "[limits]") {
  Desk desk;
  put(desk, "A", limited(1, 1));
  put(desk, "B", limited(2, 1));
  desk.ask(await({.count = 1}));
  SECTION("when its task says so") {
    desk.answer(false, 1);
    CHECK(desk.handed_out == Names{"A -> w", "B -> w"});
  }
  SECTION("when its task has withdrawn it meanwhile") {
    desk.tell("A", remove_entry(Priority::LOW, 1));
    desk.answer(false, 1);
    CHECK(desk.handed_out == Names{"A -> w", "B -> w"});
  }
  SECTION("after a restart") {
    desk.restart();
    desk.answer(false, 1);
    desk.ask(await({.session = 2}));
    CHECK(desk.handed_out == Names{"A -> w", "B -> w"});
  }
  desk.answer(true);
  desk.tell("B", claim_done(2));
  check_empty(desk);
}

TEST_CASE("a more urgent entry takes the place of one that still waits", "[limits]") {
  Desk desk;
  put(desk, "A", limited(1, 1));
  put(desk, "B", limited(2, 1, Priority::HIGH));
  SECTION("when it comes") {}
  SECTION("not of one that moves up too") {
    desk.tell("A", move_entry(Priority::LOW, 1, Priority::HIGHEST));
    desk.ask(await({}));
    CHECK(desk.handed_out == Names{"A -> w"});
    desk.answer(true);
    desk.tell("A", claim_done(1));
    desk.ask(await({}));
    desk.answer(true);
    desk.tell("B", claim_done(2));
    return check_empty(desk);
  }
  desk.ask(await({.count = 5}));
  CHECK(desk.handed_out == Names{"B -> w"});
  put(desk, "C", limited(3, 1, Priority::HIGHEST));  // what is claimed keeps its place
  CHECK(desk.handed_out.size() == 1);
  desk.answer(true);
  desk.tell("B", claim_done(2));
  CHECK(desk.handed_out.back() == "C -> w");
  desk.answer(true);
  desk.tell("A", remove_entry(Priority::LOW, 1));
  desk.tell("C", claim_done(3));
  check_empty(desk);
}

TEST_CASE("the newest entry says what the limit is", "[limits]") {
  Desk desk;
  for (std::uint64_t i = 1; i <= 300; ++i) put(desk, std::to_string(i), limited(i, 1));
  put(desk, "more", limited(301, 250));
  put(desk, "less", limited(302, 3));
  // An older one that moves does not bring its own back.
  desk.tell("9", move_entry(Priority::LOW, 9, Priority::HIGH));
  desk.ask(await({.count = 1'000}));
  CHECK(desk.handed_out == Names{"9 -> w", "1 -> w", "2 -> w"});
  CHECK(desk.faults == Names{});
}

TEST_CASE("a retry of an old task does not bring its limit back", "[limits]") {
  Desk desk;
  put(desk, "old", limited(1, 1));
  NewEntry newer = limited(2, 2);
  SECTION("created later") {
    newer.created = start + second;
  }
  SECTION("created in the same moment") {}
  put(desk, "new", newer);
  desk.ask(await({.count = 10}));
  REQUIRE(desk.handed_out == Names{"old -> w", "new -> w"});
  desk.answer(true);
  desk.answer(true);
  desk.tell("old", claim_done(1));
  NewEntry again = limited(3, 1);
  again.run = 1;
  put(desk, "old", again);
  CHECK(desk.handed_out.back() == "old -> w");
  CHECK(desk.handed_out.size() == 3);
  CHECK(desk.faults == Names{});
}

TEST_CASE("a claim by name counts for the limit of its key", "[limits]") {
  Desk desk;
  put(desk, "A", limited(1, 1));
  put(desk, "B", limited(2, 1));
  put(desk, "C", limited(3, 1));
  desk.tell("B", claim_entry(Priority::LOW, 2, "g/named"));
  CHECK(desk.handed_out == Names{"B -> named"});
  desk.answer(true, 2);
  desk.ask(claim_work({.worker = "g/w", .session = 2, .tasks = 5}));
  CHECK(desk.handed_out.size() == 1);
  desk.tell("C", claim_entry(Priority::LOW, 3, "g/named"));
  CHECK(desk.refused == Names{"C: 1"});
  CHECK(desk.pending() == 2);
  desk.tell("B", claim_done(2));
  CHECK(desk.handed_out.back() == "A -> w");
  desk.tell("A", claim_entry(Priority::LOW, 1, "g/named"));
  CHECK(desk.refused == Names{"C: 1", "A: 0"});
  desk.answer(true, 1);
  desk.tell("C", remove_entry(Priority::LOW, 3));
  desk.tell("A", claim_done(1));
  check_empty(desk);
}

TEST_CASE("a task goes to a worker that has what it asks for", "[resources]") {
  Desk desk;
  put(desk, "big", needing(1, {{"cpu", 8'000}}));
  put(desk, "gpu", needing(2, {{"gpu", 1}, {"cpu", 1'000}}));
  put(desk, "small", needing(3, {{"cpu", 1'000}}));
  put(desk, "any", {4});
  SECTION("each at its turn") {
    desk.ask(await_within({.worker = "g/small", .session = 1, .count = 5}, {{"cpu", 2'000}}));
    CHECK(desk.handed_out == Names{"small -> small", "any -> small"});
    desk.ask(
        await_within({.worker = "g/gpu", .session = 2, .count = 5}, {{"cpu", 4'000}, {"gpu", 1}}));
    CHECK(desk.handed_out.back() == "gpu -> gpu");
    desk.ask(await_within({.worker = "g/big", .session = 3, .count = 5}, {{"cpu", 16'000}}));
    CHECK(desk.handed_out.back() == "big -> big");
    CHECK(desk.pending() == 0);
  }
  SECTION("one that names none takes all, by age") {
    desk.ask(await({.count = 2}));
    desk.ask(claim_work({.worker = "g/http", .session = 2, .tasks = 2}));
    CHECK(desk.handed_out == Names{"big -> w", "gpu -> w", "small -> http", "any -> http"});
  }
  CHECK(desk.faults == Names{});
}

TEST_CASE("what a worker uses is free again when its run ends", "[resources]") {
  Desk desk;
  const Resources offer{{"cpu", 4'000}, {"memory", 1'000}};
  put(desk, "A", needing(1, {{"cpu", 3'000}}));
  put(desk, "B", needing(2, {{"cpu", 2'000}}));
  put(desk, "C", needing(3, {{"cpu", 1'000}, {"memory", 900}}));
  desk.ask(await_within({.count = 10}, offer));
  CHECK(desk.handed_out == Names{"A -> w", "C -> w"});
  desk.answer(true);
  desk.answer(true);
  SECTION("to the same connection") {}
  SECTION("to a later one of the same worker") {
    desk.ask(leave(1));
    desk.restart();
    desk.ask(await_within({.session = 2, .count = 10}, offer));
    CHECK(desk.handed_out.size() == 2);
  }
  desk.tell("C", claim_done(3));
  CHECK(desk.handed_out.size() == 2);
  desk.tell("A", claim_done(1));
  CHECK(desk.handed_out.back() == "B -> w");
  desk.answer(true);
  desk.tell("B", claim_done(2));
  check_empty(desk);
}

TEST_CASE("an entry may be limited and ask for resources", "[limits][resources]") {
  Desk desk;
  NewEntry entry = limited(1, 1);
  entry.demands = {{"cpu", 2'000}};
  put(desk, "A", entry);
  entry.number = 2;
  put(desk, "B", entry);
  desk.ask(await_within({.count = 10}, {{"cpu", 3'000}}));
  CHECK(desk.handed_out == Names{"A -> w"});
  desk.answer(true);
  desk.tell("A", claim_done(1));
  CHECK(desk.handed_out.back() == "B -> w");
  desk.tell("B", remove_entry(Priority::LOW, 2));
  desk.answer(false, 2);
  check_empty(desk);
}

TEST_CASE("what fits no worker takes no place from others of its key", "[limits][resources]") {
  Desk desk;
  NewEntry huge = limited(1, 1, Priority::HIGH);
  huge.demands = {{"cpu", 50'000}};
  put(desk, "H", huge);
  put(desk, "L", limited(2, 1));
  std::uint64_t number = 2;
  SECTION("of those without demands") {}
  SECTION("of those that ask for less") {
    NewEntry small = limited(3, 1, Priority::HIGHEST);
    small.demands = {{"cpu", 1'000}};
    desk.tell("L", remove_entry(Priority::LOW, 2));
    put(desk, "L", small);
    number = 3;
  }
  desk.ask(await_within({.worker = "g/small", .session = 1, .count = 5}, {{"cpu", 2'000}}));
  CHECK(desk.handed_out == Names{"L -> small"});
  // The one that fits it waits for the limit now, and no longer than that.
  desk.ask(await_within({.worker = "g/big", .session = 2, .count = 5}, {{"cpu", 64'000}}));
  CHECK(desk.handed_out.size() == 1);
  desk.answer(false, number);
  CHECK(desk.handed_out == Names{"L -> small", "H -> big"});
  desk.answer(true);
  desk.tell("H", claim_done(1));
  check_empty(desk);
}

TEST_CASE("many different demands of one key wait for one limit", "[limits][resources]") {
  Desk desk;
  for (std::uint64_t i = 1; i <= 200; ++i) {
    NewEntry entry = limited(i, 1);
    entry.demands = {{"cpu", 1'000 + i}};
    put(desk, std::to_string(i), entry);
  }
  desk.ask(await_within({.worker = "g/w", .session = 1, .count = 1'000}, {{"cpu", 1'150}}));
  desk.ask(claim_work({.worker = "g/http", .session = 2, .tasks = 5}));
  for (std::uint64_t i = 1; i <= 200; ++i) {
    REQUIRE(desk.handed_out.size() == i);
    const std::string task = desk.unanswered.front().task;
    CHECK(task == std::to_string(i));
    desk.answer(true);
    desk.tell(task, claim_done(std::stoull(task)));
    if (i == 150) desk.ask(await({.session = 3, .count = 1'000}));
  }
  check_empty(desk);
}

TEST_CASE("more lanes than fit into memory are all looked at", "[resources]") {
  Desk desk;
  const std::uint64_t count = 2 * task_queue::lanes_max + 100;
  // The one that fits is in the last lane of the text order.
  for (std::uint64_t i = 1; i <= count; ++i) {
    put(desk, std::to_string(i), needing(i, {{"cpu", 1'000'000 + i}}));
  }
  put(desk, "fits", needing(count + 1, {{"memory", 5}}));
  desk.ask(await_within({.count = 2}, {{"cpu", 1'000}, {"memory", 5}}));
  CHECK(desk.handed_out == Names{"fits -> w"});
  desk.restart();
  put(desk, "again", needing(count + 2, {{"memory", 4}}));
  desk.ask(await_within({.worker = "g/v", .session = 2}, {{"memory", 4}}));
  CHECK(desk.handed_out.back() == "again -> v");
  desk.ask(await({.worker = "g/all", .session = 3, .count = static_cast<int>(count)}));
  CHECK(desk.handed_out.size() == count + 2);
  CHECK(desk.pending() == 0);
  CHECK(desk.faults == Names{});
}

}  // namespace
}  // namespace troupe::test
