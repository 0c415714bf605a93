// A group: who may join, who has ended, who is released.
#include "actors/task_group/group_actor.h"
#include "runtime/store/message.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Names = std::vector<std::string>;

const ActorId g = task_group_id("G");

task_group::GroupState group(Cast& cast) {
  const auto row = cast.rows(g).get(tables::group_state.id, "");
  return row ? task_group::decode_row(row->words()) : task_group::GroupState{};
}

void create(Cast& cast, const std::string& id, bool hold = false) {
  REQUIRE(cast.ask(task_id(id), create_task(id, {.group = "G", .hold = hold})).ok());
}

TEST_CASE("a group is made by its first task", "[group]") {
  Cast cast;
  CHECK_FALSE(group(cast).exists);
  create(cast, "A");
  create(cast, "B");
  const auto made = group(cast);
  CHECK(made.task_group_id == "G");
  CHECK(made.scheduler_id == "-");
  CHECK(made.name == "A");
  CHECK(made.created == start);
  CHECK(made.members == 2);
  CHECK(made.never_resolved == 2);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a group that does not exist can be told nothing", "[group]") {
  Cast cast;
  CHECK(cast.ask(g, seal()).error().code == Errc::not_found);
  CHECK(cast.ask(g, release()).error().code == Errc::not_found);
  CHECK(cast.rows(g).empty());
}

TEST_CASE("sealing keeps its first time and is published again", "[group]") {
  Cast cast;
  create(cast, "A");
  cast.take_events();
  REQUIRE(cast.ask(g, seal()).ok());
  cast.now = start + minute;
  const auto again = cast.ask(g, seal());
  REQUIRE(again.ok());
  Stored<schema::TaskGroup> answer(again.value());
  CHECK(answer.get().getSealed() == start.ms);
  CHECK(cast.take_events() == Names{"task-group-sealed G", "task-group-sealed G"});
}

TEST_CASE("a group is resolved when each member has ended once", "[group]") {
  Cast cast;
  create(cast, "A");
  create(cast, "B");
  cast.take_events();
  REQUIRE(cast.ask(task_id("A"), cancel()).ok());
  REQUIRE(cast.ask(task_id("A"), rerun()).ok());
  CHECK(cast.take_events() == Names{"task-exception A.0", "task-pending A.1"});
  REQUIRE(cast.ask(task_id("B"), cancel()).ok());
  // A runs again, which does not count.
  CHECK(cast.take_events() == Names{"task-exception B.0", "task-group-resolved G"});
  REQUIRE(cast.ask(task_id("A"), cancel()).ok());
  CHECK(cast.take_events() == Names{"task-exception A.1", "task-group-resolved G"});
  create(cast, "C");
  CHECK(group(cast).never_resolved == 1);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a group expires before its time has five digits for the year", "[group]") {
  const Instant last = *parse_time("9999-12-31T23:59:59.999Z");
  Cast cast;
  REQUIRE(cast.ask(task_id("A"), create_task("A", {.group = "G", .expires = last})).ok());
  CHECK(group(cast).expires == last);
  create(cast, "B");
  CHECK(group(cast).expires == last);
  const auto sealed = cast.ask(g, seal());
  REQUIRE(sealed.ok());
  CHECK(Stored<schema::TaskGroup>(sealed.value()).get().getExpires() == last.ms);
  CHECK(cast.events.back().payload.find("\"9999-12-31T23:59:59.999Z\"") != std::string::npos);
  // One that was written with a later time is read so, too.
  auto state = group(cast);
  state.expires = last + minute;
  CHECK(task_group::decode_row(task_group::encode_row(state).words()).expires == last);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a release counts those that were held", "[group]") {
  Cast cast;
  const int held = 250;  // more than a slice
  for (int i = 0; i < held; ++i) create(cast, "H" + std::to_string(i), true);
  create(cast, "free");
  const auto first = cast.tell(g, release());
  const auto second_call = cast.tell(g, release());
  cast.run();
  for (const auto& call : {first, second_call}) {
    REQUIRE(cast.replies(call).size() == 1);
    Stored<schema::Released> released(cast.replies(call)[0].body.value());
    CHECK(released.get().getCount() == 250);
  }
  for (int i = 0; i < held; ++i) {
    REQUIRE(cast.task("H" + std::to_string(i)).state() == State::PENDING);
  }
  CHECK_FALSE(group(cast).release);
  const auto again = cast.ask(g, release());
  Stored<schema::Released> released(again.value());
  CHECK(released.get().getCount() == 0);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a release goes on after a restart", "[group]") {
  const auto steps = GENERATE(range(std::size_t{1}, std::size_t{6}));
  Cast cast;
  create(cast, "A", true);
  create(cast, "B", true);
  cast.tell(g, release());
  for (std::size_t i = 0; i < steps; ++i) cast.step();
  cast.restart();
  cast.run();
  CHECK(cast.task("A").state() == State::PENDING);
  CHECK(cast.task("B").state() == State::PENDING);
  CHECK_FALSE(group(cast).release);
  CHECK(cast.faults == Names{});
}

TEST_CASE("a group's row keeps its state", "[group]") {
  task_group::GroupState state;
  state.exists = true;
  state.task_group_id = "G";
  state.scheduler_id = "s";
  state.expires = Instant{1};
  state.sealed = Instant{2};
  state.created = Instant{3};
  state.name = "n";
  state.members = 4;
  state.never_resolved = 5;
  state.release = task_group::Release{"c", 6, 7};
  const auto read = task_group::decode_row(task_group::encode_row(state).words());
  CHECK(read.exists);
  CHECK(read.task_group_id == "G");
  CHECK(read.scheduler_id == "s");
  CHECK(read.expires == Instant{1});
  CHECK(read.sealed == Instant{2});
  CHECK(read.created == Instant{3});
  CHECK(read.name == "n");
  CHECK(read.members == 4);
  CHECK(read.never_resolved == 5);
  REQUIRE(read.release);
  CHECK(read.release->cursor == "c");
  CHECK(read.release->waiting == 6);
  CHECK(read.release->count == 7);
}

}  // namespace
}  // namespace troupe::test
