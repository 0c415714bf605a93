#include "apps/troupe/cli/watch_state.h"

#include "apps/troupe/cli/command.h"
#include "tests/apps/cli_run/watched_group.h"

#include <capnp/message.h>
#include <catch2/catch.hpp>

#include <vector>

using namespace troupe;
using namespace troupe::cli;
using namespace troupe::cli::test;
using schema::TaskState;

namespace {

// A status with `runs` runs, the last in `state`.
class StatusOf {
 public:
  StatusOf(const std::string& id, TaskState state, unsigned runs) {
    auto status = message_.initRoot<schema::TaskStatus>();
    status.setTaskId(id);
    status.setState(state);
    auto list = status.initRuns(runs);
    if (runs > 0) list[runs - 1].setState(state);
  }
  schema::TaskStatus::Reader reader() { return message_.getRoot<schema::TaskStatus>().asReader(); }

 private:
  capnp::MallocMessageBuilder message_;
};

std::vector<std::string> names(const std::vector<const WatchedTask*>& tasks) {
  std::vector<std::string> all;
  for (const WatchedTask* task : tasks) all.push_back(task->name);
  return all;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("an older status changes nothing", "[watch]") {
  WatchedGroup group;
  add(group, "a", TaskState::RUNNING);
  CHECK(group.update(StatusOf("a", TaskState::PENDING, 1).reader()) == nullptr);
  CHECK(group.update(StatusOf("a", TaskState::RUNNING, 1).reader()) == nullptr);
  CHECK(group.update(StatusOf("a", TaskState::UNSCHEDULED, 0).reader()) == nullptr);
  CHECK(group.find("a")->state == TaskState::RUNNING);
  // A retry: a new run starts over.
  REQUIRE(group.update(StatusOf("a", TaskState::PENDING, 2).reader()) != nullptr);
  CHECK(group.find("a")->state == TaskState::PENDING);
  CHECK(group.update(StatusOf("a", TaskState::FAILED, 1).reader()) == nullptr);
  REQUIRE(group.update(StatusOf("a", TaskState::COMPLETED, 2).reader()) != nullptr);
  CHECK(group.finished());
  CHECK(group.exit_status() == exit_done);
}

TEST_CASE("a group is finished when nothing can run any more", "[watch]") {
  WatchedGroup group;
  add(group, "a", TaskState::FAILED);
  add(group, "b", TaskState::UNSCHEDULED, {.needs = {"a"}});
  add(group, "c", TaskState::UNSCHEDULED, {.needs = {"b"}, .all_resolved = true});
  CHECK(names(group.blocked()) == Names{"b", "c"});
  CHECK(group.finished());
  CHECK(group.exit_status() == exit_failed);

  SECTION("what runs may still change that") {
    add(group, "d", TaskState::RUNNING);
    CHECK_FALSE(group.finished());
  }
  SECTION("who asks only that others have ended is not blocked by their failure") {
    add(group, "e", TaskState::UNSCHEDULED, {.needs = {"a"}, .all_resolved = true});
    CHECK(names(group.blocked()) == Names{"b", "c"});
    CHECK_FALSE(group.finished());
  }
  SECTION("a rerun of what failed frees the rest") {
    group.update(StatusOf("a", TaskState::PENDING, 2).reader());
    CHECK(group.blocked().empty());
  }
}

TEST_CASE("a failure outside of the group blocks too", "[watch]") {
  WatchedGroup group;
  add(group, "a", TaskState::UNSCHEDULED, {.needs = {"far"}});
  CHECK(group.depends_outside(*group.find("a")));
  CHECK_FALSE(group.finished());
  group.find("a")->blocked_outside = true;
  CHECK(group.finished());
  CHECK(group.exit_status() == exit_failed);
}

TEST_CASE("a failure weighs more than an exception", "[watch]") {
  WatchedGroup group;
  add(group, "a", TaskState::COMPLETED);
  add(group, "b", TaskState::EXCEPTION);
  CHECK(group.exit_status() == exit_exception);
  add(group, "c", TaskState::FAILED);
  CHECK(group.exit_status() == exit_failed);
}

TEST_CASE("tasks are listed after what they need", "[watch]") {
  WatchedGroup group;
  add(group, "a", TaskState::UNSCHEDULED, {.needs = {"z", "m"}});
  add(group, "m", TaskState::PENDING, {.needs = {"z"}});
  add(group, "z", TaskState::COMPLETED, {.needs = {"outside"}});
  add(group, "b", TaskState::COMPLETED);
  CHECK(names(group.in_order()) == Names{"b", "z", "m", "a"});
}

TEST_CASE("a long chain of blocked tasks is no deep recursion", "[watch]") {
  WatchedGroup group;
  constexpr int length = 20'000;
  add(group, "t0", TaskState::FAILED);
  for (int i = 1; i < length; ++i) {
    add(group, "t" + std::to_string(i), TaskState::UNSCHEDULED,
        {.needs = {"t" + std::to_string(i - 1)}});
  }
  CHECK(group.blocked().size() == length - 1);
}
