#include "apps/troupe/cli/watch.h"

#include "apps/troupe/cli/command.h"
#include "runtime/transcode/json.h"
#include "tests/apps/cli_run/fake_server.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <map>
#include <vector>

using namespace troupe;
using namespace troupe::cli;
using namespace troupe::cli::test;
using schema::TaskState;

namespace {

constexpr const char* group_id = "GGGGGGGGQGGGGGGGGGGGGA";
constexpr const char* build_id = "AAAAAAAAQACAAAAAAAAAAA";
constexpr const char* test_id = "BBBBBBBBQBCBBBBBBBBBBA";

// What the program prints while this lives.
class Captured {
 public:
  Captured() {
    std::fflush(stdout);
    REQUIRE(pipe2(ends_.data(), O_NONBLOCK) == 0);
    saved_ = dup(STDOUT_FILENO);
    dup2(ends_[1], STDOUT_FILENO);
  }
  ~Captured() {
    std::fflush(stdout);
    dup2(saved_, STDOUT_FILENO);
    for (const int descriptor : {saved_, ends_[0], ends_[1]}) close(descriptor);
  }
  std::string text() {
    std::fflush(stdout);
    std::string bytes(65'536, '\0');
    const ssize_t got = read(ends_[0], bytes.data(), bytes.size());
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
  }

 private:
  std::array<int, 2> ends_{};
  int saved_ = -1;
};

// A group of two tasks, and its events, as the server keeps them.
struct FakeGroup {
  struct Task {
    std::string name;
    TaskState state = TaskState::UNSCHEDULED;
    std::vector<std::string> needs;
  };
  std::map<std::string, Task> tasks;
  std::vector<std::string> events;  // payloads

  static void write_status(const std::string& id,
                           const Task& task,
                           schema::TaskStatus::Builder to) {
    to.setTaskId(id);
    to.setProvisionerId("local");
    to.setWorkerType("default");
    to.setTaskQueueId("local/default");
    to.setSchedulerId("-");
    to.setProjectId("none");
    to.setTaskGroupId(group_id);
    to.setDeadline(1);
    to.setExpires(2);
    to.setState(task.state);
    if (task.state == TaskState::UNSCHEDULED) return;
    auto run = to.initRuns(1)[0];
    run.setState(task.state);
    run.setScheduled(1);
  }

  void change(const std::string& id, TaskState state) {
    tasks[id].state = state;
    capnp::MallocMessageBuilder message;
    auto status = message.initRoot<schema::TaskStatus>();
    write_status(id, tasks[id], status);
    events.push_back("{\"version\":1,\"status\":" + to_json(status.asReader()) + "}");
  }
};

void serve(FakeServer& fake, FakeGroup& group) {
  fake.script.list_task_group = [&group](auto context) -> kj::Promise<void> {
    if (context.getParams().getTaskGroupId() != group_id) {
      return exception_from({Errc::not_found, "no such group"});
    }
    auto list = context.getResults().initTasks(static_cast<kj::uint>(group.tasks.size()));
    kj::uint i = 0;
    for (const auto& [id, task] : group.tasks) {
      FakeGroup::write_status(id, task, list[i].initStatus());
      auto definition = list[i++].initTask();
      definition.initMetadata().setName(task.name);
      auto needs = definition.initDependencies(static_cast<kj::uint>(task.needs.size()));
      for (kj::uint n = 0; n < needs.size(); ++n) needs.set(n, task.needs[n]);
    }
    return kj::READY_NOW;
  };
  fake.script.events = [&group](auto context) -> kj::Promise<void> {
    const auto params = context.getParams();
    auto results = context.getResults();
    results.setNext(std::to_string(group.events.size()));
    if (params.getAfter() == "now") return kj::READY_NOW;
    const std::size_t after = std::stoul(params.getAfter().cStr());
    if (after == group.events.size()) return kj::NEVER_DONE;  // a long poll
    auto list = results.initEvents(static_cast<kj::uint>(group.events.size() - after));
    for (kj::uint i = 0; i < list.size(); ++i) list[i].setPayload(group.events[after + i]);
    return kj::READY_NOW;
  };
  fake.script.explain = [](auto context) -> kj::Promise<void> {
    auto explanation = context.getResults().initExplanation();
    explanation.setCode("no-worker");
    explanation.setMessage("no worker serves local/default");
    return kj::READY_NOW;
  };
  fake.script.tails = [](auto) -> kj::Promise<void> { return kj::READY_NOW; };
}

template <class T>
void turn_until(kj::AsyncIoContext& io, T condition) {
  while (!condition()) {
    io.provider->getTimer().afterDelay(1 * kj::MILLISECONDS).wait(io.waitScope);
  }
}

}  // namespace

TEST_CASE("a group is watched over a restart of the server to its true outcome", "[watch]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  FakeGroup group;
  group.tasks[build_id] = {"build", TaskState::RUNNING, {}};
  group.tasks[test_id] = {"test", TaskState::UNSCHEDULED, {build_id}};
  serve(fake, group);
  fake.start();
  Reconnector server(io, fake.target);
  Captured output;
  std::string printed;
  auto watching = watch_group(server, group_id, {}).eagerlyEvaluate(nullptr);
  turn_until(io, [&] { return !(printed += output.text()).empty(); });

  fake.stop();
  group.change(build_id, TaskState::COMPLETED);
  group.change(test_id, TaskState::RUNNING);
  group.change(test_id, TaskState::FAILED);
  fake.start();
  CHECK(watching.wait(io.waitScope) == exit_failed);
  CHECK(printed + output.text() == std::string("[0/2] build: running\n"
                                               "[1/2] build: completed\n"
                                               "[1/2] test: running\n"
                                               "[2/2] test: failed\n"
                                               "test: failed; see `troupe task log ") +
                                       test_id +
                                       "`\n"
                                       "group " +
                                       group_id +
                                       ": 1 of 2 completed, 1 failed; `troupe group rerun " +
                                       group_id + " --failed` goes on from there\n");
}

TEST_CASE("a group is watched to its outcome by events in words of another version", "[watch]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  FakeGroup group;
  group.tasks[build_id] = {"build", TaskState::RUNNING, {}};
  serve(fake, group);
  fake.start();
  Reconnector server(io, fake.target);
  Captured output;
  std::string printed;
  auto watching = watch_group(server, group_id, {}).eagerlyEvaluate(nullptr);
  turn_until(io, [&] { return !(printed += output.text()).empty(); });
  fake.stop();  // ends the long poll
  group.change(build_id, TaskState::COMPLETED);
  group.events.back() = "{\"version\":2,\"status\":{\"taskId\":7}}";
  fake.start();
  CHECK(watching.wait(io.waitScope) == exit_done);
}

TEST_CASE("JSON is one object a line, and what is blocked ends the watching", "[watch]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  FakeGroup group;
  group.tasks[build_id] = {"build", TaskState::EXCEPTION, {}};
  group.tasks[test_id] = {"test", TaskState::UNSCHEDULED, {build_id}};
  serve(fake, group);
  fake.start();
  Reconnector server(io, fake.target);
  Captured output;
  const WatchOptions json{.exit_status = true, .json = true};
  CHECK(watch_group(server, group_id, json).wait(io.waitScope) == exit_exception);
  const std::string text = output.text();
  CHECK(text.rfind("{\"name\":\"build\",\"status\":{\"taskId\":\"", 0) == 0);
  CHECK(text.find(std::string("\n{\"taskGroupId\":\"") + group_id +
                  "\",\"tasks\":2,\"completed\":0,\"failed\":0,\"exception\":1,\"blocked\":"
                  "[{\"taskId\":\"" +
                  test_id + "\",\"name\":\"test\"}]}\n") != std::string::npos);

  const WatchOptions quiet{.exit_status = false, .json = true};
  CHECK(watch_group(server, group_id, quiet).wait(io.waitScope) == exit_done);
}

TEST_CASE("however many wait, few are asked about", "[watch]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  FakeGroup group;
  for (int i = 0; i < 500; ++i) {
    std::string id = std::to_string(i);
    id.insert(0, 22 - id.size(), 'A');
    group.tasks[id] = {"t" + std::to_string(i), TaskState::PENDING, {}};
  }
  serve(fake, group);
  int asked = 0;
  fake.script.explain = [&asked](auto context) -> kj::Promise<void> {
    ++asked;
    context.getResults().initExplanation().setCode("no-worker");
    return kj::READY_NOW;
  };
  fake.start();
  Reconnector server(io, fake.target);
  Captured output;
  auto watching = watch_group(server, group_id, {}).eagerlyEvaluate(nullptr);
  turn_until(io, [&] { return asked == 2; });  // the second look
  CHECK(asked == 2);                           // one queue: one task at each
}

TEST_CASE("an unknown group is an error", "[watch]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  FakeGroup group;
  serve(fake, group);
  fake.start();
  Reconnector server(io, fake.target);
  const std::string unknown = "unknown";
  auto refused =
      kj::runCatchingExceptions([&] { watch_group(server, unknown, {}).wait(io.waitScope); });
  KJ_IF_MAYBE (exception, refused) {
    CHECK(error_from(*exception).code == Errc::not_found);
  } else {
    FAIL("there is no such group");
  }
}
