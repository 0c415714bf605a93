// The end of tasks and groups: when their rows go, and what is left. Source: spec/queue.md, section
// 14.
#include "actors/task/queries.h"
#include "actors/task/transition.h"
#include "actors/task_group/group_actor.h"
#include "actors/task_group/queries.h"
#include "runtime/store/message.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

constexpr Duration delay{30 * minute};

void create(Cast& cast, const std::string& id, NewTask task = {}) {
  if (!task.expires) task.expires = start + 2 * hour;
  REQUIRE(cast.ask(task_id(id), create_task(id, task)).ok());
}

void finish(Cast& cast, const std::string& id) {
  REQUIRE(cast.ask(task_id(id), cancel()).ok());
}

bool is_gone(Cast& cast, const ActorId& id) {
  return cast.rows(id).empty() && cast.timers(id).empty();
}

bool is_found(Cast& cast, const std::string& id) {
  return task::find_task(cast.snapshot(), id).has_value();
}

task_group::GroupState group(Cast& cast, const std::string& id) {
  const auto row = cast.rows(task_group_id(id)).get(tables::group_state.id, "");
  return row ? task_group::decode_row(row->words()) : task_group::GroupState{};
}

TEST_CASE("a task is found until some time after it has expired, then it is gone", "[expiry]") {
  Cast cast;
  create(cast, "A");
  finish(cast, "A");
  cast.advance(2 * hour + delay - Duration{1});
  CHECK(is_found(cast, "A"));
  cast.advance(Duration{1});
  CHECK_FALSE(is_found(cast, "A"));
  CHECK(is_gone(cast, task_id("A")));
  CHECK(cast.ask(task_id("A"), cancel()).error().code == Errc::not_found);
  CHECK(cast.faults == Names{});
}

TEST_CASE("the id of a task that is gone is free again", "[expiry]") {
  Cast cast;
  create(cast, "A");
  finish(cast, "A");
  cast.advance(2 * hour + delay);
  REQUIRE(is_gone(cast, task_id("A")));
  cast.take_events();
  create(cast, "A",
         {.queue = "local/other",
          .created = cast.now,
          .deadline = cast.now + hour,
          .expires = cast.now + 2 * hour});
  CHECK(cast.take_events() == Names{"task-defined A._", "task-pending A.0"});
  CHECK(cast.task("A").task_queue_id == "local/other");
  CHECK(cast.faults == Names{});
}

TEST_CASE("a task that nobody has ended is ended by its deadline first", "[expiry]") {
  Cast cast;
  create(cast, "A");
  cast.take_events();
  cast.now = start + 24 * hour;  // both are overdue
  cast.fire(task_id("A"), task::expiry_timer);
  cast.run();
  CHECK(is_found(cast, "A"));
  cast.fire(task_id("A"), task::deadline_timer);
  cast.run();
  CHECK(cast.task("A").is_resolved());
  cast.advance(2 * minute);
  CHECK(is_gone(cast, task_id("A")));
  CHECK(cast.faults == Names{});
}

TEST_CASE("a clock that is set back gives a task its time again", "[expiry]") {
  Cast cast;
  create(cast, "A");
  finish(cast, "A");
  cast.now = start + hour;
  cast.fire(task_id("A"), task::expiry_timer);
  CHECK(*cast.timers(task_id("A")).at(task::expiry_timer).due == start + 2 * hour + delay);
  CHECK(is_found(cast, "A"));
}

TEST_CASE("rows of an expired task go in slices; a restart in between loses none", "[expiry]") {
  Cast cast;
  create(cast, "hub");
  for (int i = 0; i < 250; ++i) {
    create(cast, "D" + std::to_string(i), {.needs = {"hub"}, .expires = start + 5 * hour});
  }
  finish(cast, "hub");
  const ActorId hub = task_id("hub");
  cast.now = start + 2 * hour + delay;
  cast.fire(hub, task::expiry_timer);
  CHECK(cast.rows(hub).count(tables::task_edges.id) == 150);
  CHECK_FALSE(is_found(cast, "hub"));
  CHECK(cast.ask(hub, cancel()).error().code == Errc::not_found);
  const auto again = create_task(
      "hub", {.created = cast.now, .deadline = cast.now + hour, .expires = cast.now + 2 * hour});
  cast.restart();
  cast.run();
  CHECK(is_gone(cast, hub));
  CHECK(cast.ask(hub, again).ok());
  CHECK(cast.faults == Names{});
}

TEST_CASE("who wants the id of a task that is being removed waits for that", "[expiry]") {
  Cast cast;
  const ActorId hub = task_id("hub");
  create(cast, "hub");
  for (int i = 0; i < 250; ++i) {
    create(cast, "D" + std::to_string(i), {.needs = {"hub"}, .expires = start + 5 * hour});
  }
  finish(cast, "hub");
  cast.take_events();
  cast.now = start + 2 * hour + delay;
  cast.fire(hub, task::expiry_timer);
  const NewTask next{.queue = "local/other", .created = cast.now, .deadline = cast.now + hour};
  NewTask other = next;
  SECTION("the first gets it") {
    other.payload = "[1]";
    const auto first = cast.tell(hub, create_task("hub", next));
    const auto second = cast.tell(hub, create_task("hub", other));
    const auto repeat = cast.tell(hub, create_task("hub", next));
    REQUIRE(cast.step(1));
    CHECK(cast.rows(hub).count(tables::task_edges.id) > 0);  // it is still being removed
    CHECK(cast.replies(first).empty());
    cast.run();
    REQUIRE(cast.replies(first).size() == 1);
    CHECK(cast.replies(first).front().body.ok());
    REQUIRE(cast.replies(second).size() == 1);
    CHECK(cast.replies(second).front().body.error().code == Errc::conflict);
    REQUIRE(cast.replies(repeat).size() == 1);
    CHECK(cast.replies(repeat).front().body.ok());
    CHECK(cast.task("hub").task_queue_id == "local/other");
    CHECK(cast.task("hub").state() == State::PENDING);
    CHECK(cast.rows(hub).count(tables::task_edges.id) == 0);
    CHECK(cast.timers(hub).at(task::expiry_timer).due > cast.now);
    CHECK(group(cast, "hub").members == 1);
    CHECK(cast.take_events() == Names{"task-defined hub._", "task-pending hub.0",
                                      "task-defined hub._", "task-pending hub.0"});
  }
  SECTION("and if it is refused, nothing is left") {
    other.needs = {"none"};
    const auto refused = cast.tell(hub, create_task("hub", other));
    cast.run();
    REQUIRE(cast.replies(refused).size() == 1);
    CHECK(cast.replies(refused).front().body.error().code == Errc::invalid);
    CHECK(is_gone(cast, hub));
  }
  CHECK(cast.faults == Names{});
}

TEST_CASE("a task that is gone is no dependent of others", "[expiry]") {
  Cast cast;
  create(cast, "A", {.expires = start + 10 * hour});
  create(cast, "B", {.needs = {"A"}});
  finish(cast, "B");
  CHECK(cast.rows(task_id("A")).count(tables::task_edges.id) == 1);
  cast.advance(2 * hour + delay);
  CHECK(is_gone(cast, task_id("B")));
  CHECK(cast.rows(task_id("A")).count(tables::task_edges.id) == 0);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a group loses its members as they go, and itself an hour later", "[expiry]") {
  Cast cast;
  for (const char* id : {"A", "B"}) create(cast, id, {.group = "G"});
  create(cast, "C", {.group = "G", .expires = start + 150 * minute});
  for (const char* id : {"A", "B", "C"}) finish(cast, id);
  CHECK(group(cast, "G").expires == start + 3 * hour);
  cast.advance(2 * hour + delay);
  CHECK(group(cast, "G").members == 1);
  cast.advance(30 * minute);
  CHECK(group(cast, "G").members == 0);
  CHECK(task_group::find_group(cast.snapshot(), "G").has_value());
  cast.advance(30 * minute - Duration{1});
  CHECK(group(cast, "G").exists);
  cast.advance(Duration{1});
  CHECK(is_gone(cast, task_group_id("G")));
  CHECK(cast.faults == Names{});
}

TEST_CASE("a task that joins keeps its group", "[expiry]") {
  Cast cast;
  create(cast, "A", {.group = "G"});
  finish(cast, "A");
  cast.advance(2 * hour + delay);
  CHECK(group(cast, "G").members == 0);
  create(cast, "B",
         {.group = "G",
          .created = cast.now,
          .deadline = cast.now + hour,
          .expires = cast.now + 5 * hour});
  finish(cast, "B");
  const Instant end = cast.now + 6 * hour + delay;
  CHECK(group(cast, "G").expires + delay == end);
  cast.advance(end - cast.now - Duration{1});
  CHECK(group(cast, "G").exists);
  cast.advance(Duration{1});
  CHECK(is_gone(cast, task_group_id("G")));
  CHECK(cast.faults == Names{});
}

TEST_CASE("a group outlives a member that is not gone when its own time has come", "[expiry]") {
  Cast cast;
  create(cast, "A", {.group = "G"});
  finish(cast, "A");
  cast.now = start + 10 * hour;
  cast.fire(task_group_id("G"), task_group::expiry_timer);
  cast.run();
  CHECK(group(cast, "G").exists);
  cast.advance(Duration{0});  // the task's timer, then the group's
  CHECK(is_gone(cast, task_id("A")));
  CHECK(is_gone(cast, task_group_id("G")));
  CHECK(cast.faults == Names{});
}

}  // namespace
}  // namespace troupe::test
