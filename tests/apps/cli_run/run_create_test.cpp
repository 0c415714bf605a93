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

TEST_CASE("a refusal in between says what was done before it", "[run]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  fake.start();
  const auto refuse = [](auto) -> kj::Promise<void> {
    return exception_from({Errc::forbidden, "no scopes"});
  };
  const auto allow = [](auto) -> kj::Promise<void> { return kj::READY_NOW; };
  std::size_t slices = 0;
  fake.script.create_tasks = [&](auto context) {
    return slices++ == 0 ? allow(context) : refuse(0);
  };
  fake.script.release_tasks = refuse;
  fake.script.seal_task_group = refuse;
  Reconnector server(io, fake.target);
  const std::string group_id = "G";
  const auto refusal = [&](const Tasks& tasks) {
    slices = 0;
    std::string said;
    auto thrown = kj::runCatchingExceptions(
        [&] { create_tasks(server, tasks, group_id, true).wait(io.waitScope); });
    KJ_IF_MAYBE (exception, thrown) {
      CHECK(error_from(*exception).code == Errc::forbidden);
      said = error_from(*exception).detail;
    }
    return said;
  };
  CHECK(refusal(tasks_of(130)) == "100 tasks were created, but are held and do not run: no scopes");
  CHECK(refusal(tasks_of(1)) ==
        "group G was created, but its tasks are held and do not run: no scopes");
  fake.script.release_tasks = allow;
  CHECK(refusal(tasks_of(1)) == "group G was created and runs, but is not sealed: no scopes");
}

TEST_CASE("all that is wrong is told with its place in the file", "[run]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  fake.start();
  std::size_t asked = 0;
  fake.script.check_tasks = [&asked](auto context) -> kj::Promise<void> {
    asked = context.getParams().getTasks().size();
    auto errors = context.getResults().initErrors(4);
    errors[0].setField("tasks[1].deadline");
    errors[0].setMessage("is in the past");
    errors[1].setField("tasks[0].priority");  // its shape was wrong: told by the client
    errors[1].setMessage("no priority");
    errors[2].setField("tasks[0].routes[2]");  // reading has told of that place
    errors[2].setMessage("no route");
    errors[3].setField("tasks[1]");
    errors[3].setMessage("as a whole");
    return kj::READY_NOW;
  };
  Reconnector server(io, fake.target);
  Tasks tasks = tasks_of(2);
  tasks[0].definition_json.insert(1, R"("priority":"urgent",)");
  group_file::Problems problems("f");
  problems.add({9, 1}, "told");
  const Locate locate = [](std::size_t task, std::string_view field) -> group_file::Position {
    if (field.starts_with("routes")) return {9, 1};
    return {20 - task, field.size()};
  };
  check_tasks(server, tasks, locate, problems);
  CHECK(asked == 2);
  CHECK(problems.error().detail ==
        "f:9:1: told\n"
        "f:19:0: as a whole\n"
        "f:19:8: deadline: is in the past\n"
        "f:20:8: priority: must be one of \"lowest\", \"very-low\", \"low\", \"medium\", "
        "\"high\", \"very-high\", \"highest\", not \"urgent\"");
}

TEST_CASE("without a server, what reading found is all", "[run]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  Reconnector server(io, fake.target);
  group_file::Problems problems("f");
  CHECK_THROWS_AS(reach(server, problems), kj::Exception);
  problems.add({9, 1}, "told");
  CHECK_FALSE(reach(server, problems));
  fake.start();
  CHECK(reach(server, problems));
}

TEST_CASE("a dry run prints the body of createTasks", "[run]") {
  CHECK(tasks_json(tasks_of(1)) ==
        "{\"tasks\":[{\"taskId\":\"" + numbered_id(0) + "\",\"task\":" + definition + "}]}");
}
