// Requests to claim work: whose turn it is, when they are answered, and with what.
#include "actors/kinds.h"
#include "actors/task_queue/work_requests.h"
#include "tests/actors/support/desk.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

void put(Desk& desk, std::uint64_t number) {
  desk.tell("T" + std::to_string(number), put_entry({number}));
}

TEST_CASE("a request is answered once all that it was given has", "[claimWork]") {
  Desk desk;
  put(desk, 1);
  put(desk, 2);
  const auto call = desk.ask(claim_work({.tasks = 3}));
  CHECK(desk.handed_out == Names{"T1 -> w", "T2 -> w"});
  CHECK(desk.unanswered.front().timed);
  put(desk, 3);  // too late: the request has had its turn
  desk.answer(true);
  CHECK_FALSE(desk.claims(call));
  desk.answer(true);
  CHECK(desk.claims(call) == Names{"T1.0/1", "T2.0/2"});
  CHECK(desk.handed_out.size() == 2);
  CHECK(desk.pending() == 1);
  CHECK(desk.faults == Names{});
}

TEST_CASE("requests are served in order, each with all that it wants", "[claimWork]") {
  Desk desk;
  const auto first = desk.ask(claim_work({.worker = "g/a", .session = 1, .tasks = 2}));
  const auto second = desk.ask(claim_work({.worker = "g/b", .session = 2, .tasks = 2}));
  put(desk, 1);  // waits for nothing: the first has one
  CHECK(desk.handed_out == Names{"T1 -> a"});
  put(desk, 2);
  CHECK(desk.handed_out.back() == "T2 -> b");
  desk.answer(false);  // T1 is gone: its request is the first again
  desk.answer(true);
  CHECK(desk.claims(second) == Names{"T2.0/1"});
  CHECK_FALSE(desk.claims(first));
  const auto third = desk.ask(claim_work({.worker = "g/c", .session = 3, .tasks = 2}));
  put(desk, 3);
  CHECK(desk.handed_out.back() == "T3 -> a");
  put(desk, 4);
  CHECK(desk.handed_out.back() == "T4 -> c");
  desk.answer(true);
  desk.answer(true);
  CHECK(desk.claims(first) == Names{"T3.0/2"});
  CHECK(desk.claims(third) == Names{"T4.0/3"});
  CHECK(desk.faults == Names{});
}

TEST_CASE("of several entries each request takes its share", "[claimWork]") {
  Desk desk;
  desk.ask(await({.worker = "g/s", .session = 9, .count = 0}));
  for (std::uint64_t i = 1; i <= 5; ++i) put(desk, i);
  desk.ask(claim_work({.worker = "g/a", .session = 1, .tasks = 2}));
  desk.ask(claim_work({.worker = "g/b", .session = 2, .tasks = 2}));
  desk.ask(claim_work({.worker = "g/c", .session = 3, .tasks = 2}));
  CHECK(desk.handed_out == Names{"T1 -> a", "T2 -> a", "T3 -> b", "T4 -> b", "T5 -> c"});
  CHECK(desk.count(tables::queue_entries) == 0);
}

TEST_CASE("a request that is stopped is answered with what there is", "[claimWork]") {
  Desk desk;
  SECTION("nothing") {
    const auto call = desk.ask(claim_work({}));
    const auto stop = desk.ask(stop_waiting(1));
    CHECK(desk.claims(call) == Names{});
    CHECK(desk.answers(stop) == 1);
    put(desk, 1);
    CHECK(desk.handed_out.empty());
  }
  SECTION("what is under way: not before it has answered") {
    put(desk, 1);
    const auto call = desk.ask(claim_work({.tasks = 5}));
    const auto stop = desk.ask(stop_waiting(1));
    CHECK(desk.answers(stop) == 0);
    put(desk, 2);
    CHECK(desk.handed_out.size() == 1);
    desk.answer(true);
    CHECK(desk.claims(call) == Names{"T1.0/1"});
    CHECK(desk.answers(stop) == 1);
  }
  SECTION("nothing, if what was under way is refused") {
    put(desk, 1);
    const auto call = desk.ask(claim_work({}));
    desk.ask(stop_waiting(1));
    desk.answer(false);
    CHECK(desk.claims(call) == Names{});
  }
  SECTION("a request that nobody knows") {
    CHECK(desk.answers(desk.ask(stop_waiting(7))) == 1);
  }
  CHECK(desk.faults == Names{});
}

TEST_CASE("a request that comes again is answered alike", "[claimWork]") {
  Desk desk;
  put(desk, 1);
  const auto first = desk.ask(claim_work({.session = 1, .request_id = "R"}));
  const auto again = desk.ask(claim_work({.session = 2, .request_id = "R"}));
  CHECK(desk.handed_out.size() == 1);
  desk.answer(true);
  put(desk, 2);
  CHECK(desk.claims(first) == Names{"T1.0/1"});
  CHECK(desk.claims(again) == Names{"T1.0/1"});
  CHECK(desk.claims(desk.ask(claim_work({.session = 3, .request_id = "R"}))) == Names{"T1.0/1"});
  desk.restart();
  CHECK(desk.claims(desk.ask(claim_work({.session = 4, .request_id = "R"}))) == Names{"T1.0/1"});
  desk.ask(claim_work({.session = 5, .request_id = "other"}));
  CHECK(desk.handed_out.back() == "T2 -> w");
  CHECK(desk.faults == Names{});
}

TEST_CASE("one of two who made the same request stops waiting", "[claimWork]") {
  Desk desk;
  const auto first = desk.ask(claim_work({.session = 1, .request_id = "R"}));
  const auto again = desk.ask(claim_work({.session = 2, .request_id = "R"}));
  desk.ask(stop_waiting(1));
  CHECK(desk.claims(first) == Names{});
  CHECK_FALSE(desk.claims(again));
  put(desk, 1);
  desk.answer(true);
  CHECK(desk.claims(again) == Names{"T1.0/1"});
  // An answer with nothing is not kept: there is nothing in it that must not be done twice.
  const auto empty = desk.ask(claim_work({.session = 3, .request_id = "S"}));
  desk.ask(stop_waiting(3));
  CHECK(desk.claims(empty) == Names{});
  CHECK_FALSE(desk.claims(desk.ask(claim_work({.session = 4, .request_id = "S"}))));
  CHECK(desk.faults == Names{});
}

TEST_CASE("a request is its worker's alone", "[claimWork]") {
  Desk desk;
  const auto first = desk.ask(claim_work({.worker = "g/a", .session = 1, .request_id = "R"}));
  const auto while_it_waits =
      desk.ask(claim_work({.worker = "g/b", .session = 2, .request_id = "R"}));
  put(desk, 1);
  put(desk, 2);
  desk.answer(true);
  CHECK(desk.claims(first) == Names{"T1.0/1"});
  const auto once_answered =
      desk.ask(claim_work({.worker = "g/b", .session = 3, .request_id = "R"}));
  desk.restart();
  const auto after_a_restart =
      desk.ask(claim_work({.worker = "g/b", .session = 4, .request_id = "R"}));
  for (const auto call : {while_it_waits, once_answered, after_a_restart}) {
    const auto refusal = desk.refusal(call);
    REQUIRE(refusal.has_value());
    CHECK(refusal->code == Errc::conflict);
    CHECK(refusal->detail == "requestId R is that of another worker's request");
  }
  CHECK(desk.handed_out == Names{"T1 -> a"});  // nor is anything else changed
  const auto again = desk.ask(claim_work({.worker = "g/a", .session = 5, .request_id = "R"}));
  CHECK(desk.claims(again) == Names{"T1.0/1"});
  CHECK(desk.faults == Names{});
}

TEST_CASE("the oldest answers are forgotten", "[claimWork]") {
  Desk desk;
  for (std::uint64_t i = 1; i <= task_queue::answered_max + 2; ++i) {
    put(desk, i);
    desk.ask(claim_work({.session = i, .request_id = "R" + std::to_string(i)}));
    desk.answer(true);
  }
  CHECK(desk.count(tables::queue_requests) == task_queue::answered_max);
  CHECK(desk.claims(desk.ask(claim_work({.session = 8'001, .request_id = "R3"}))));
  CHECK_FALSE(desk.claims(desk.ask(claim_work({.session = 8'002, .request_id = "R2"}))));
}

// ---- Quarantine ----

TEST_CASE("a worker in quarantine gets nothing", "[quarantine]") {
  Desk desk;
  const ActorId worker = worker_id("local/default/g/w");
  desk.ask(await({.session = 1, .count = 1}));
  const auto call = desk.ask(claim_work({.session = 2}));
  desk.tell(worker, quarantine("g/w", start + hour));
  put(desk, 1);
  CHECK(desk.handed_out.empty());
  desk.ask(await({.worker = "g/other", .session = 3}));
  CHECK(desk.handed_out == Names{"T1 -> other"});
  put(desk, 2);
  SECTION("one that comes later neither") {
    desk.ask(await({.session = 4}));
    CHECK(desk.handed_out.size() == 1);
    desk.ask(stop_waiting(2));
    CHECK(desk.claims(call) == Names{});
  }
  SECTION("until it is lifted") {
    desk.tell(worker, quarantine("g/w", start));
    CHECK(desk.handed_out.back() == "T2 -> w");
    CHECK(desk.count(tables::queue_quarantines) == 0);
    CHECK_FALSE(desk.timers.contains("quarantine"));
  }
  SECTION("until its end") {
    CHECK(desk.timers.at("quarantine").due == start + hour);
    desk.now = start + hour;
    desk.fire("quarantine");
    CHECK(desk.handed_out.back() == "T2 -> w");
    CHECK(desk.count(tables::queue_quarantines) == 0);
  }
  SECTION("after a restart too") {
    desk.restart();
    desk.ask(await({.session = 5}));
    CHECK(desk.handed_out.size() == 1);
    CHECK(desk.pending() == 1);
  }
  CHECK(desk.faults == Names{});
}

// ---- The record ----

TEST_CASE("a record lasts a day after a worker last asked", "[record]") {
  Desk desk;
  put(desk, 1);
  CHECK(desk.timers.empty());  // tasks make no record
  desk.ask(claim_work({}));
  CHECK(desk.timers.at("record").due == start + 24 * hour);
  desk.answer(true);
  desk.now = start + hour;
  desk.ask(keep_active(desk.now + 24 * hour));
  desk.now = start + 24 * hour;
  desk.fire("record");  // early: somebody asked meanwhile
  CHECK(desk.timers.at("record").due == start + 25 * hour);
  desk.now = start + 25 * hour;
  desk.fire("record");  // over; the row stays as long as those of tasks and workers do
  CHECK_FALSE(desk.rows.empty());
  CHECK(desk.timers.at("record").due == start + 25 * hour + 30 * minute);
  desk.now = start + 25 * hour + 30 * minute;
  SECTION("then nothing is left") {
    desk.fire("record");
    CHECK(desk.removed);
    CHECK(desk.rows.empty());
    put(desk, 2);
    CHECK(desk.pending() == 1);
    CHECK_FALSE(desk.removed);
  }
  SECTION("but for what waits") {
    put(desk, 2);
    desk.fire("record");
    CHECK(desk.pending() == 1);
    desk.tell("T2", remove_entry(Priority::LOWEST, 2));
    CHECK(desk.removed);
    CHECK(desk.rows.empty());
  }
  SECTION("and longer once a worker is there again") {
    desk.ask(await({}));
    CHECK(desk.timers.at("record").due == desk.now + 24 * hour);
    desk.now = desk.now + 24 * hour;
    desk.fire("record");
    CHECK(desk.timers.at("record").due == desk.now + 24 * hour);
  }
  CHECK(desk.faults == Names{});
}

TEST_CASE("answers that are kept go with the record, some at a time", "[record]") {
  Desk desk;
  for (std::uint64_t i = 1; i <= 500; ++i) {
    put(desk, i);
    desk.ask(claim_work({.session = i, .request_id = "R" + std::to_string(i)}));
    desk.answer(true);
  }
  for (const Duration after : {24 * hour, 24 * hour + 30 * minute}) {
    desk.now = start + after;
    desk.fire("record");
  }
  CHECK(desk.removed);
  CHECK(desk.rows.empty());
  CHECK(desk.faults == Names{});
}

}  // namespace
}  // namespace troupe::test
