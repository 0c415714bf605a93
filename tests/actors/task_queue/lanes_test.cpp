// What a queue looks at: waiters that have changed, lanes that are new, and nothing twice.
#include "tests/actors/support/desk.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

NewEntry needing(std::uint64_t number, Resources demands) {
  NewEntry entry;
  entry.number = number;
  entry.demands = std::move(demands);
  return entry;
}

void put(Desk& desk, std::uint64_t number, Resources demands) {
  desk.tell(std::to_string(number), put_entry(needing(number, std::move(demands))));
}

std::string named(std::uint64_t number) {
  return "g/w" + std::to_string(number);
}

// Workers that wait, each for one run.
void wait(Desk& desk, std::uint64_t first, std::uint64_t count, const Resources& offer) {
  for (std::uint64_t i = first; i < first + count; ++i) {
    desk.ask(await_within({.worker = named(i), .session = i, .count = 1}, offer));
  }
}

// How many messages the queue sends to itself meanwhile: it does once it has looked too long.
template <class Act>
std::size_t sent_to_itself(Desk& desk, Act&& act) {
  const std::size_t before = desk.own_messages;
  act();
  return desk.own_messages - before;
}

TEST_CASE("who has found nothing looks again only at what is new", "[resources]") {
  task_queue::QueueConfig config;
  config.looks_max = 150;
  Desk desk(config);
  wait(desk, 1, 100, {{"cpu", 1}});
  for (std::uint64_t i = 1; i <= 100; ++i) put(desk, i, {{"cpu", 1 + i}});
  CHECK(desk.own_messages == 0);  // each of them was looked at by 100
  SECTION("not at lanes that have more entries, or other first ones") {
    CHECK(sent_to_itself(desk, [&] {
            for (std::uint64_t i = 1; i <= 100; ++i) put(desk, 100 + i, {{"cpu", 1 + i}});
            desk.tell("7", move_entry(Priority::LOWEST, 7, Priority::HIGH));
            desk.tell("8", remove_entry(Priority::LOWEST, 8));
          }) == 0);
  }
  SECTION("not because others come and go") {
    CHECK(sent_to_itself(desk, [&] {
            wait(desk, 101, 1, {{"cpu", 1}});
            desk.ask(leave(101));
            desk.ask(await_within({.worker = named(1), .session = 1, .count = 1}, {{"cpu", 1}}));
          }) == 0);
  }
  SECTION("because it has more room") {
    desk.ask(await_within({.worker = named(9), .session = 9, .count = 1}, {{"cpu", 3}}));
    CHECK(desk.handed_out == Names{"1 -> w9"});
    CHECK(desk.own_messages == 0);
  }
  CHECK(desk.faults == Names{});
}

TEST_CASE("what takes too long to look at is looked at in slices", "[resources]") {
  task_queue::QueueConfig config;
  config.looks_max = 10;
  Desk desk(config);
  wait(desk, 1, 95, {{"cpu", 1}});
  wait(desk, 96, 1, {{"cpu", 8}});
  CHECK(sent_to_itself(desk, [&] { put(desk, 1, {{"cpu", 8}}); }) >= 9);
  CHECK(desk.handed_out == Names{"1 -> w96"});
  CHECK(desk.faults == Names{});
}

TEST_CASE("a lane that ran empty is not new to those who were too small for it", "[resources]") {
  task_queue::QueueConfig config;
  config.looks_max = 10;
  Desk desk(config);
  wait(desk, 1, 95, {{"cpu", 1}});
  desk.ask(await_within({.worker = "g/big", .session = 96, .count = 100}, {{"cpu", 8}}));
  put(desk, 1, {{"cpu", 8}});
  REQUIRE(desk.handed_out.size() == 1);
  CHECK(sent_to_itself(desk, [&] {
          for (std::uint64_t i = 2; i <= 20; ++i) {
            desk.answer(true);
            desk.tell(std::to_string(i - 1), claim_done(i - 1));
            put(desk, i, {{"cpu", 8}});
          }
        }) == 0);
  CHECK(desk.handed_out.size() == 20);
  // One of them has room by now.
  desk.ask(leave(96));
  desk.ask(await_within({.worker = named(5), .session = 5, .count = 1}, {{"cpu", 9}}));
  put(desk, 21, {{"cpu", 8}});
  CHECK(desk.handed_out.back() == "21 -> w5");
  CHECK(desk.faults == Names{});
}

TEST_CASE("lanes beyond memory are read for those who have changed alone", "[resources]") {
  task_queue::QueueConfig config;
  config.lanes_max = 10;
  Desk desk(config);
  for (std::uint64_t i = 1; i <= 55; ++i) put(desk, i, {{"cpu", 100 + i}});
  CHECK(desk.own_messages == 0);  // nobody waits
  CHECK(sent_to_itself(desk, [&] { wait(desk, 1, 1, {{"cpu", 9}}); }) >= 5);
  CHECK(sent_to_itself(desk, [&] {
          for (std::uint64_t i = 1; i <= 60; ++i) put(desk, 100 + i, {{"cpu", 100 + i}});
          desk.tell("7", remove_entry(Priority::LOWEST, 7));
        }) == 0);
  put(desk, 200, {{"memory", 1}});
  put(desk, 201, {{"cpu", 9}});
  CHECK(desk.handed_out == Names{"201 -> w1"});
  desk.answer(true, 201);
  wait(desk, 2, 1, {{"memory", 1}});
  CHECK(desk.handed_out.back() == "200 -> w2");
  wait(desk, 3, 1, {{"cpu", 101}});
  CHECK(desk.handed_out.back() == "1 -> w3");
  CHECK(desk.faults == Names{});
}

TEST_CASE("one key with many different demands is opened in slices", "[limits][resources]") {
  Desk desk;
  constexpr std::uint64_t count = 500;
  for (std::uint64_t i = 1; i <= 2 * count; ++i) {
    NewEntry entry = needing(i, {{"cpu", 10'000 + i % count}});
    entry.key = "K";
    entry.limit = 1;
    desk.tell(std::to_string(i), put_entry(entry));
  }
  desk.tell("1", claim_entry(Priority::LOWEST, 1, "g/named"));
  desk.answer(true, 1);
  // Its limit leaves room again, and of nearly each group the first is open already.
  CHECK(sent_to_itself(desk, [&] { desk.tell("1", claim_done(1)); }) >= 5);
  CHECK(desk.faults == Names{});
  desk.ask(await({.count = 1}));
  CHECK(desk.handed_out.back() == "2 -> w");
}

}  // namespace
}  // namespace troupe::test
