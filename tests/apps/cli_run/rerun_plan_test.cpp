#include "apps/troupe/cli/rerun_plan.h"

#include "apps/troupe/group_file/group_file.h"
#include "tests/apps/cli_run/watched_group.h"

#include <capnp/message.h>
#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::cli;
using namespace troupe::cli::test;
using schema::TaskState;

namespace {

using Ids = std::vector<std::string>;

// Its second run is in this state.
void run_again(WatchedGroup& group, const std::string& id, TaskState state) {
  capnp::MallocMessageBuilder message;
  auto status = message.initRoot<schema::TaskStatus>();
  status.setTaskId(id);
  status.setState(state);
  status.initRuns(2)[1].setState(state);
  group.update(status.asReader());
}

Ids rerun_next(RerunPlan& plan, WatchedGroup& group) {
  const RerunPlan::Step step = plan.next(group);
  for (const std::string& id : step.ready) run_again(group, id, TaskState::PENDING);
  return step.ready;
}

// a, then b, then c.
WatchedGroup chain(TaskState a, TaskState b, TaskState c, bool all_resolved = false) {
  WatchedGroup group;
  add(group, "c", c, {.needs = {"b"}, .all_resolved = all_resolved});
  add(group, "b", b, {.needs = {"a"}, .all_resolved = all_resolved});
  add(group, "a", a);
  return group;
}

}  // namespace

TEST_CASE("each task is rerun once what it needs has completed again", "[rerun]") {
  WatchedGroup group = chain(TaskState::COMPLETED, TaskState::COMPLETED, TaskState::COMPLETED);
  RerunPlan plan(group, false);
  CHECK(rerun_next(plan, group) == Ids{"a"});
  CHECK(rerun_next(plan, group).empty());
  run_again(group, "a", TaskState::RUNNING);
  CHECK(rerun_next(plan, group).empty());
  run_again(group, "a", TaskState::COMPLETED);
  CHECK(rerun_next(plan, group) == Ids{"b"});
  run_again(group, "b", TaskState::COMPLETED);
  CHECK(rerun_next(plan, group) == Ids{"c"});
  CHECK(plan.waiting() == 0);
}

TEST_CASE("what needs nothing of the group is rerun at once", "[rerun]") {
  WatchedGroup group;
  add(group, "a", TaskState::COMPLETED, {.needs = {"elsewhere"}});
  add(group, "b", TaskState::FAILED);
  add(group, "c", TaskState::EXCEPTION);
  add(group, "d", TaskState::RUNNING);
  add(group, "e", TaskState::UNSCHEDULED, {.needs = {"b"}});
  add(group, "f", TaskState::COMPLETED, {.queue = std::string(group_file::upload_queue)});
  SECTION("all of it") {
    RerunPlan plan(group, false);
    CHECK(rerun_next(plan, group) == Ids{"a", "b", "c"});
    CHECK(plan.waiting() == 0);
  }
  SECTION("or what did not complete") {
    RerunPlan plan(group, true);
    CHECK(rerun_next(plan, group) == Ids{"b", "c"});
  }
}

TEST_CASE("what needs a task that is not rerun or does not complete is left", "[rerun]") {
  WatchedGroup group = chain(TaskState::COMPLETED, TaskState::COMPLETED, TaskState::COMPLETED);
  RerunPlan plan(group, false);
  REQUIRE(rerun_next(plan, group) == Ids{"a"});
  SECTION("it fails") {
    run_again(group, "a", TaskState::FAILED);
  }
  SECTION("it cannot be rerun") {
    plan.refuse("a");
  }
  const RerunPlan::Step step = plan.next(group);
  CHECK(step.ready.empty());
  REQUIRE(step.dropped.size() == 2);
  CHECK(step.dropped[0].task == "b");
  CHECK(step.dropped[0].need == "a");
  CHECK(step.dropped[1].task == "c");
  CHECK(step.dropped[1].need == "b");
  CHECK(plan.waiting() == 0);
}

TEST_CASE("that it ended is enough for a task that asks for no more", "[rerun]") {
  WatchedGroup group = chain(TaskState::FAILED, TaskState::FAILED, TaskState::COMPLETED, true);
  RerunPlan plan(group, true);
  CHECK(rerun_next(plan, group) == Ids{"a"});
  run_again(group, "a", TaskState::FAILED);
  CHECK(rerun_next(plan, group) == Ids{"b"});
  CHECK(plan.waiting() == 0);
}

TEST_CASE("a task that has not run is waited for, unless it never will", "[rerun]") {
  WatchedGroup group = chain(TaskState::FAILED, TaskState::UNSCHEDULED, TaskState::EXCEPTION);
  RerunPlan plan(group, true);
  CHECK(rerun_next(plan, group) == Ids{"a"});
  SECTION("it runs by itself") {
    run_again(group, "a", TaskState::COMPLETED);
    CHECK(rerun_next(plan, group).empty());
    run_again(group, "b", TaskState::COMPLETED);
    CHECK(rerun_next(plan, group) == Ids{"c"});
  }
  SECTION("what it needs fails again") {
    run_again(group, "a", TaskState::FAILED);
    const RerunPlan::Step step = plan.next(group);
    REQUIRE(step.dropped.size() == 1);
    CHECK(step.dropped[0].task == "c");
  }
}

TEST_CASE("tasks in a circle do not wait for each other for ever", "[rerun]") {
  WatchedGroup group;
  add(group, "a", TaskState::FAILED, {.needs = {"b"}});
  add(group, "b", TaskState::FAILED, {.needs = {"a"}});
  RerunPlan plan(group, false);
  CHECK(rerun_next(plan, group) == Ids{"a"});
  run_again(group, "a", TaskState::COMPLETED);
  CHECK(rerun_next(plan, group) == Ids{"b"});
}
