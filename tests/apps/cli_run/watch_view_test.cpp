#include "apps/troupe/cli/watch_view.h"

#include "apps/troupe/cli/terminal.h"
#include "tests/apps/cli_run/watched_group.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace troupe;
using namespace troupe::cli;
using namespace troupe::cli::test;
using schema::TaskState;

TEST_CASE("the table shows state, time and the last line", "[watch]") {
  WatchedGroup group;
  add(group, "build", TaskState::COMPLETED);
  add(group, "test", TaskState::RUNNING, {.needs = {"build"}});
  add(group, "gone", TaskState::EXCEPTION);
  group.find("test")->note = "12 of 30 \x1b[31mpassed";
  const std::string table = table_text(group, "G", start + Duration{61'000}, 60, 20, false);
  CHECK(table ==
        "group G  2/3 done, 1 running, 1 exception\n"
        "  completed   build      2.5s\n"
        "  exception   gone       2.5s  canceled\n"
        "  running     test     1m 01s  12 of 30 ?[31mpassed\n");
}

TEST_CASE("each row that waits says why", "[watch]") {
  WatchedGroup group;
  add(group, "build", TaskState::FAILED);
  add(group, "far", TaskState::UNSCHEDULED, {.needs = {"outside"}});
  add(group, "gpu", TaskState::PENDING);
  add(group, "later", TaskState::UNSCHEDULED, {.needs = {"test"}});
  add(group, "test", TaskState::UNSCHEDULED, {.needs = {"build"}});
  group.find("far")->why = "blocked by other (pending)";
  group.find("gpu")->why = "no worker serves local/gpu";
  const std::string table = table_text(group, "G", start, 90, 20, false);
  CHECK(table.find("far              blocked by other (pending)\n") != std::string::npos);
  CHECK(table.find("no worker serves local/gpu\n") != std::string::npos);
  CHECK(table.find("blocked by build (failed)\n") != std::string::npos);
  CHECK(table.find("blocked by test, which waits for build (failed)\n") != std::string::npos);
}

TEST_CASE("no line of the table is wider than the terminal", "[watch]") {
  WatchedGroup group;
  const std::string name = "integration-tests-of-the-übersetzer-with-a-long-name";
  for (const TaskState state : {TaskState::RUNNING, TaskState::EXCEPTION, TaskState::PENDING}) {
    add(group, name + std::to_string(static_cast<int>(state)), state);
  }
  add(group, "waits", TaskState::UNSCHEDULED, {.needs = {"integration"}});
  for (WatchedTask& task : group.tasks()) task.note = task.why = "something long to say of it";
  const std::size_t width = GENERATE(1U, 5U, 20U, 26U, 44U, 80U);
  const std::size_t height = GENERATE(4U, 20U);
  const std::string table = table_text(group, "G", start, width, height, false);
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = table.find('\n', begin)) != std::string::npos; begin = end + 1) {
    CHECK(text_width(table.substr(begin, end - begin)) <= width);
  }
  // Colour takes no room.
  std::string coloured = table_text(group, "G", start, width, height, true);
  for (std::size_t at = 0; (at = coloured.find('\x1b')) != std::string::npos;) {
    coloured.erase(at, coloured.find('m', at) - at + 1);
  }
  CHECK(coloured == table);
}

TEST_CASE("a table that does not fit shows what matters most", "[watch]") {
  WatchedGroup group;
  for (int i = 0; i < 50; ++i) add(group, "done-" + std::to_string(i), TaskState::COMPLETED);
  add(group, "runs", TaskState::RUNNING);
  const std::string table = table_text(group, "G", start, 40, 10, false);
  CHECK(std::count(table.begin(), table.end(), '\n') == 10);
  CHECK(table.find("runs") != std::string::npos);
  CHECK(table.find("and 43 more") != std::string::npos);
}

TEST_CASE("the last words name what failed and what that blocks", "[watch]") {
  WatchedGroup group;
  add(group, "build", TaskState::FAILED);
  add(group, "test", TaskState::UNSCHEDULED, {.needs = {"build"}});
  add(group, "other", TaskState::COMPLETED);
  CHECK(summary_text(group, "G") ==
        "build: failed; see `troupe task log build`\n"
        "test: blocked by build (failed)\n"
        "group G: 1 of 3 completed, 1 failed, 1 blocked; `troupe group rerun G --failed` goes on "
        "from there\n");
}

TEST_CASE("the last words tell how to go on even if nothing is blocked", "[watch]") {
  WatchedGroup group;
  add(group, "other", TaskState::COMPLETED);
  CHECK(summary_text(group, "G") == "group G: 1 of 1 completed\n");
  add(group, "build", TaskState::FAILED);
  CHECK(
      summary_text(group, "G") ==
      "build: failed; see `troupe task log build`\n"
      "group G: 1 of 2 completed, 1 failed; `troupe group rerun G --failed` goes on from there\n");
}
