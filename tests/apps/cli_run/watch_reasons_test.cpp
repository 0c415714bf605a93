#include "apps/troupe/cli/watch_reasons.h"

#include "tests/apps/cli_run/watched_group.h"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::cli;
using namespace troupe::cli::test;
using schema::TaskState;

namespace {

using Names = std::vector<std::string>;

std::string why(const WatchedGroup& group, const std::string& id) {
  return why_text(group, *group.find(id));
}

}  // namespace

TEST_CASE("edges tell what blocks a task", "[watch]") {
  WatchedGroup group;
  add(group, "done", TaskState::COMPLETED);
  add(group, "bad", TaskState::EXCEPTION);
  add(group, "runs", TaskState::RUNNING);
  const Names all = {"runs", "done", "bad", "outside"};
  add(group, "a", TaskState::UNSCHEDULED, {.needs = all});
  add(group, "b", TaskState::UNSCHEDULED, {.needs = all, .all_resolved = true});
  add(group, "c", TaskState::UNSCHEDULED, {.needs = {"done", "outside"}});
  CHECK(why(group, "a") == "blocked by bad (exception), runs");
  CHECK(blocked_by(group, *group.find("a")).failure);
  CHECK(why(group, "b") == "blocked by runs");
  CHECK_FALSE(blocked_by(group, *group.find("b")).failure);
  CHECK(why(group, "c").empty());

  Names many;
  for (int i = 0; i < 9; ++i) {
    many.push_back("n" + std::to_string(i));
    add(group, many.back(), TaskState::PENDING);
  }
  add(group, "d", TaskState::UNSCHEDULED, {.needs = many});
  CHECK(why(group, "d") == "blocked by n0, n1, n2, n3, n4 and 4 more");
}

TEST_CASE("a failure is found behind tasks that wait themselves", "[watch]") {
  WatchedGroup group;
  add(group, "test", TaskState::FAILED);
  add(group, "runs", TaskState::RUNNING);
  add(group, "package", TaskState::UNSCHEDULED, {.needs = {"test"}});
  add(group, "sign", TaskState::UNSCHEDULED, {.needs = {"package"}});
  add(group, "notice", TaskState::UNSCHEDULED,
      {.needs = {"test", "runs", "package"}, .all_resolved = true});
  add(group, "later", TaskState::UNSCHEDULED, {.needs = {"runs", "sign"}});
  CHECK(why(group, "notice") == "blocked by package, which waits for test (failed)");
  CHECK(blocked_by(group, *group.find("notice")).failure);
  CHECK(why(group, "later") == "blocked by sign, which waits for test (failed)");
  CHECK(why(group, "package") == "blocked by test (failed)");
  CHECK(is_blocked_within(group, *group.find("later")));
}

TEST_CASE("one of each queue and of each worker is asked about", "[watch]") {
  WatchedGroup group;
  for (const char* id : {"p1", "p2"}) add(group, id, TaskState::PENDING);
  add(group, "gpu", TaskState::PENDING, {.queue = "local/gpu"});
  for (const char* id : {"r1", "r2"}) add(group, id, TaskState::RUNNING, {.worker = "w"});
  add(group, "other", TaskState::RUNNING, {.worker = "v"});
  add(group, "inside", TaskState::UNSCHEDULED, {.needs = {"p1"}});
  add(group, "outside", TaskState::UNSCHEDULED, {.needs = {"far"}});
  add(group, "end", TaskState::COMPLETED);
  Questions questions;
  CHECK(questions.next(group) == Names{"p1", "gpu", "r1", "other", "outside"});
}

TEST_CASE("many take turns", "[watch]") {
  WatchedGroup group;
  constexpr std::size_t count = 3 * Questions::asked_max;
  for (std::size_t i = 0; i < count; ++i) {
    add(group, "t" + std::to_string(i), TaskState::PENDING,
        {.queue = "local/q" + std::to_string(i)});
  }
  Questions questions;
  std::vector<std::string> asked;
  for (int look = 0; look < 3; ++look) {
    const auto ids = questions.next(group);
    CHECK(ids.size() == Questions::asked_max);
    asked.insert(asked.end(), ids.begin(), ids.end());
  }
  for (const WatchedTask& task : group.tasks()) {
    CHECK(std::count(asked.begin(), asked.end(), task.id) == 1);
  }
}

TEST_CASE("an answer is true of all in the same position", "[watch]") {
  WatchedGroup group;
  for (const char* id : {"a", "b"}) add(group, id, TaskState::PENDING);
  add(group, "gpu", TaskState::PENDING, {.queue = "local/gpu"});
  for (const char* id : {"r", "s"}) add(group, id, TaskState::RUNNING, {.worker = "w"});
  add(group, "v", TaskState::RUNNING, {.worker = "v"});

  REQUIRE(note_reason(group, "a", {"no-worker", "nobody", "n"}));
  CHECK(why(group, "b") == "nobody");
  CHECK(why(group, "gpu").empty());
  REQUIRE(note_reason(group, "a", {"workers-busy", "0 ahead, 1 busy", "n"}));
  CHECK(why(group, "a") == "0 ahead, 1 busy");
  CHECK(why(group, "b") == "waits its turn in local/default");
  REQUIRE(note_reason(group, "a", {"", "about to start", ""}));
  CHECK(why(group, "a").empty());
  CHECK(why(group, "b").empty());

  REQUIRE(note_reason(group, "a", {"deadline", "too late", "n"}));
  CHECK(why(group, "b").empty());
  Questions questions;
  CHECK(questions.next(group).front() == "b");  // who speaks for the others

  REQUIRE(note_reason(group, "r", {"no-worker", "away", "n"}));
  CHECK(why(group, "s") == "away");
  CHECK(why(group, "v").empty());
  CHECK_FALSE(note_reason(group, "gone", {"no-worker", "away", "n"}));
}
