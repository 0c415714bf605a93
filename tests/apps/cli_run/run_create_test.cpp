#include "apps/troupe/cli/run_create.h"

#include "tests/apps/cli_run/fake_server.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace troupe;
using namespace troupe::cli;
using namespace troupe::cli::test;

namespace {

constexpr const char* definition =
    R"({"taskQueueId":"a/b","created":"2026-01-31T12:00:00Z","deadline":"2026-01-31T13:00:00Z",)"
    R"("payload":{},"metadata":{"name":"n","description":"","owner":"o","source":"https://x"}})";

// A task id for each number.
std::string numbered_id(std::size_t n) {
  std::string id = "AAAAAAAAQAAAAAAAAAAAAA";
  id[0] = static_cast<char>('A' + n % 26);
  id[1] = static_cast<char>('A' + n / 26 % 26);
  return id;
}

Tasks tasks_of(std::size_t count) {
  Tasks tasks;
  for (std::size_t i = 0; i < count; ++i) {
    group_file::ExpandedTask task;
    task.name = "t" + std::to_string(i);
    task.task_id = numbered_id(i);
    task.definition_json = definition;
    task.where = "troupe.yml:" + std::to_string(i + 1) + ":3";
    tasks.push_back(std::move(task));
  }
  return tasks;
}

}  // namespace

TEST_CASE("tasks are made in slices, let go together, then sealed", "[run]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  fake.start();
  std::vector<std::string> calls;
  fake.script.create_tasks = [&calls](auto context) -> kj::Promise<void> {
    const auto params = context.getParams();
    CHECK(params.getHold());
    CHECK(params.getTasks()[0].getTask().getTaskQueueId() == "a/b");
    calls.push_back("create " + std::to_string(params.getTasks().size()) + " from " +
                    params.getTasks()[0].getTaskId().cStr());
    // The first answer is lost: the same ids come again.
    if (calls.size() == 1) return exception_from({Errc::unavailable, "restarting"});
    return kj::READY_NOW;
  };
  fake.script.release_tasks = [&calls](auto context) -> kj::Promise<void> {
    calls.push_back(std::string("release ") + context.getParams().getTaskGroupId().cStr());
    return kj::READY_NOW;
  };
  fake.script.seal_task_group = [&calls](auto context) -> kj::Promise<void> {
    calls.push_back(std::string("seal ") + context.getParams().getTaskGroupId().cStr());
    return kj::READY_NOW;
  };
  Reconnector server(io, fake.target);
  const Tasks tasks = tasks_of(130);
  const std::string group_id = "G";
  create_tasks(server, tasks, group_id, true).wait(io.waitScope);
  CHECK(calls == std::vector<std::string>{
                     "create 100 from " + numbered_id(0), "create 100 from " + numbered_id(0),
                     "create 30 from " + numbered_id(100), "release G", "seal G"});
  calls = {"not the first"};
  create_tasks(server, tasks_of(1), group_id, false).wait(io.waitScope);
  CHECK(calls.back() == "release G");
}

TEST_CASE("what the server finds wrong is told with its place in the file", "[run]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  fake.start();
  bool asked = false;
  fake.script.check_tasks = [&asked](auto context) -> kj::Promise<void> {
    asked = true;
    const auto tasks = context.getParams().getTasks();
    auto errors = context.getResults().initErrors(1);
    errors[0].setTaskId(tasks[1].getTaskId());
    errors[0].setCode("InputError");
    errors[0].setMessage("deadline is in the past");
    return kj::READY_NOW;
  };
  Reconnector server(io, fake.target);
  CHECK(check_tasks(server, tasks_of(2)).error() ==
        Error{Errc::invalid, "troupe.yml:2:3: task `t1`: deadline is in the past"});

  asked = false;
  Tasks malformed = tasks_of(1);
  malformed[0].definition_json = R"({"priority":"urgent"})";
  const Status status = check_tasks(server, malformed);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().detail.find("troupe.yml:1:3: task `t0`: priority: ") != std::string::npos);
  CHECK_FALSE(asked);
}

TEST_CASE("a dry run prints the body of createTasks", "[run]") {
  CHECK(tasks_json(tasks_of(1)) ==
        "{\"tasks\":[{\"taskId\":\"" + numbered_id(0) + "\",\"task\":" + definition + "}]}");
}
