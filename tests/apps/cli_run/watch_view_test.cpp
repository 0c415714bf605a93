#include "apps/troupe/cli/watch_view.h"

#include <capnp/message.h>
#include <catch2/catch.hpp>

#include <algorithm>

using namespace troupe;
using namespace troupe::cli;
using schema::TaskState;

namespace {

constexpr Instant start{1'000'000};

void add(WatchedGroup& group,
         const std::string& id,
         TaskState state,
         const std::string& needs = "") {
  capnp::MallocMessageBuilder message;
  auto task = message.initRoot<schema::TaskDefinition>();
  task.initMetadata().setName(id);
  if (!needs.empty()) task.initDependencies(1).set(0, needs);
  capnp::MallocMessageBuilder status_message;
  auto status = status_message.initRoot<schema::TaskStatus>();
  status.setTaskId(id);
  status.setState(state);
  if (state != TaskState::UNSCHEDULED) {
    auto run = status.initRuns(1)[0];
    run.setState(state);
    run.setStarted(start.ms);
    if (state == TaskState::EXCEPTION) run.setReasonResolved(schema::ReasonResolved::CANCELED);
    if (state != TaskState::RUNNING) run.setResolved(start.ms + 2'500);
  }
  group.add(id, task.asReader(), status.asReader());
}

}  // namespace

TEST_CASE("the table shows state, time and the last line", "[watch]") {
  WatchedGroup group;
  add(group, "build", TaskState::COMPLETED);
  add(group, "test", TaskState::RUNNING, "build");
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
  add(group, "far", TaskState::UNSCHEDULED, "outside");
  add(group, "gpu", TaskState::PENDING);
  add(group, "later", TaskState::UNSCHEDULED, "test");
  add(group, "test", TaskState::UNSCHEDULED, "build");
  group.find("far")->why = "blocked by other (pending)";
  group.find("gpu")->why = "no worker serves local/gpu";
  const std::string table = table_text(group, "G", start, 70, 20, false);
  CHECK(table.find("far              blocked by other (pending)\n") != std::string::npos);
  CHECK(table.find("no worker serves local/gpu\n") != std::string::npos);
  CHECK(table.find("blocked by build (failed)\n") != std::string::npos);
  CHECK(table.find("blocked by test\n") != std::string::npos);
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
  add(group, "test", TaskState::UNSCHEDULED, "build");
  add(group, "other", TaskState::COMPLETED);
  CHECK(summary_text(group, "G") ==
        "build: failed; see `troupe task log build`\n"
        "test: blocked by build (failed)\n"
        "group G: 1 of 3 completed, 1 failed, 1 blocked; `troupe group rerun G --failed` goes on "
        "from there\n");
}
