#include "apps/troupe/cli/submit_log.h"

#include "apps/troupe/cli/submit.h"
#include "apps/troupe/group_file/group_file.h"
#include "tests/apps/cli_run/fake_server.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <vector>

using namespace troupe;
using namespace troupe::cli;
using namespace troupe::cli::test;

namespace {

struct FakeRun {
  schema::TaskState state = schema::TaskState::RUNNING;
  schema::ReasonResolved reason = schema::ReasonResolved::NONE;
  std::string log;
};

// One task and its runs, as the server keeps them.
struct FakeTask {
  schema::TaskState state = schema::TaskState::RUNNING;
  std::vector<FakeRun> runs;

  // Answers each call with the status as it is then.
  auto answer() const {
    return [this](auto context) -> kj::Promise<void> {
      write_status(context.getResults().initStatus());
      return kj::READY_NOW;
    };
  }

  void write_status(schema::TaskStatus::Builder status) const {
    status.setTaskId("T");
    status.setState(state);
    auto list = status.initRuns(static_cast<kj::uint>(runs.size()));
    for (kj::uint i = 0; i < list.size(); ++i) {
      list[i].setRunId(i);
      list[i].setState(runs[i].state);
      list[i].setReasonResolved(runs[i].reason);
    }
  }
};

struct Pipe {
  Pipe() { REQUIRE(pipe2(ends.data(), O_NONBLOCK) == 0); }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  std::string read_all() {
    std::string text(1 << 20, '\0');
    const ssize_t got = read(ends[0], text.data(), text.size());
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }
  std::array<int, 2> ends{};
};

// Lets the event loop work, timers included, until there is what the test waits for.
template <class Condition>
void turn_until(kj::AsyncIoContext& io, Condition condition) {
  while (!condition()) {
    io.provider->getTimer().afterDelay(1 * kj::MILLISECONDS).wait(io.waitScope);
  }
}

kj::Promise<void> send_log(schema::ByteStream::Client sink, std::string bytes) {
  auto request = sink.writeRequest();
  request.setBytes(kj::arrayPtr(reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()));
  return request.send();
}

}  // namespace

TEST_CASE("a log is written once, over a lost connection and a retry", "[submit_log]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  fake.start();
  FakeTask task;
  task.runs.push_back(
      {schema::TaskState::RUNNING, schema::ReasonResolved::NONE, "first\nsecond\n"});

  int reads = 0;
  fake.script.status = task.answer();
  fake.script.read_log = [&](auto context) -> kj::Promise<void> {
    const auto params = context.getParams();
    const std::string& log = task.runs[params.getRunId()].log;
    const std::uint64_t offset = params.getOffset();
    if (++reads == 1) {
      // Half of it, and then silence until the server dies.
      CHECK(offset == 0);
      return send_log(params.getSink(), log.substr(0, 6)).then([]() -> kj::Promise<void> {
        return kj::NEVER_DONE;
      });
    }
    return send_log(params.getSink(), log.substr(offset)).then([context, &log]() mutable {
      context.getResults().setSize(log.size());
      context.getResults().setFinished(true);
    });
  };

  Reconnector server(io, fake.target);
  server.on_loss([](const std::string&) {});
  Pipe pipe;
  LogWriter writer(io.provider->getTimer(), pipe.ends[1]);
  LogPlace place{.task_id = "T"};
  auto end = follow_task(server, place, writer);
  turn_until(io, [&place] { return place.offset == 6; });

  fake.stop();
  task.runs[0].state = schema::TaskState::EXCEPTION;
  task.runs[0].reason = schema::ReasonResolved::WORKER_SHUTDOWN;
  task.runs.push_back({schema::TaskState::FAILED, schema::ReasonResolved::FAILED, "again\n"});
  task.state = schema::TaskState::FAILED;
  fake.start();
  const TaskEnd ended = end.wait(io.waitScope);
  CHECK(ended.state == schema::TaskState::FAILED);
  CHECK(pipe.read_all() == "first\nsecond\nagain\n");
  CHECK(reads == 3);
}

TEST_CASE("a task that waits is followed once it has begun", "[submit_log]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  fake.start();
  FakeTask task;
  task.state = schema::TaskState::UNSCHEDULED;
  fake.script.status = task.answer();
  fake.script.read_log = [&task](auto context) -> kj::Promise<void> {
    if (task.runs.empty()) return exception_from({Errc::not_found, "no run 0"});
    return send_log(context.getParams().getSink(), "hello\n").then([context]() mutable {
      context.getResults().setSize(6);
      context.getResults().setFinished(true);
    });
  };
  std::vector<std::string> asked;
  fake.script.events = [&](auto context) -> kj::Promise<void> {
    const auto params = context.getParams();
    CHECK(params.getRoutingKey() == "primary.T.#");
    asked.emplace_back(params.getAfter().cStr());
    if (asked.size() == 2) {
      task.state = schema::TaskState::COMPLETED;
      task.runs.push_back({schema::TaskState::COMPLETED, schema::ReasonResolved::COMPLETED, ""});
    }
    context.getResults().setNext("p" + std::to_string(asked.size()));
    return kj::READY_NOW;
  };
  Reconnector server(io, fake.target);
  Pipe pipe;
  LogWriter writer(io.provider->getTimer(), pipe.ends[1]);
  LogPlace place{.task_id = "T"};
  const TaskEnd ended = follow_task(server, place, writer).wait(io.waitScope);
  CHECK(ended.state == schema::TaskState::COMPLETED);
  CHECK(pipe.read_all() == "hello\n");
  CHECK(asked == std::vector<std::string>{"now", "p1"});
}

TEST_CASE("a task that is cancelled before it began ends without a log", "[submit_log]") {
  auto io = kj::setupAsyncIo();
  FakeServer fake(io);
  fake.start();
  FakeTask task;
  task.state = schema::TaskState::EXCEPTION;
  task.runs.push_back({schema::TaskState::EXCEPTION, schema::ReasonResolved::CANCELED, ""});
  fake.script.status = task.answer();
  fake.script.read_log = [](auto) -> kj::Promise<void> {
    return exception_from({Errc::not_found, "no log"});
  };
  Reconnector server(io, fake.target);
  Pipe pipe;
  LogWriter writer(io.provider->getTimer(), pipe.ends[1]);
  LogPlace place{.task_id = "T"};
  const TaskEnd ended = follow_task(server, place, writer).wait(io.waitScope);
  CHECK(ended.state == schema::TaskState::EXCEPTION);
  CHECK(ended.reason == schema::ReasonResolved::CANCELED);
}

TEST_CASE("a slow reader gets every byte", "[submit_log]") {
  auto io = kj::setupAsyncIo();
  Pipe pipe;
  LogWriter writer(io.provider->getTimer(), pipe.ends[1]);
  const std::string text(300'000, 'x');  // more than a pipe holds
  std::uint64_t written = 0;
  auto done = writer
                  .write(kj::arrayPtr(reinterpret_cast<const kj::byte*>(text.data()), text.size()),
                         written, std::make_shared<const bool>(true))
                  .eagerlyEvaluate(nullptr);
  std::size_t read = 0;
  turn_until(io, [&] {
    read += pipe.read_all().size();
    return read == text.size();
  });
  done.wait(io.waitScope);
  CHECK(read == text.size());
  CHECK(written == text.size());
}

TEST_CASE("the options of submit make one task", "[submit]") {
  SubmitOptions options;
  options.command = {"sh", "-c", "echo \"$A\""};
  options.queue = "local/gpu";
  options.artifacts = {"out/"};
  options.retries = 2;
  options.max_run_time = "2m";
  const auto file = group_file::parse(submit_file(options), "submit");
  REQUIRE(file.ok());
  group_file::ExpandOptions expand;
  expand.group_id = "G";
  expand.new_id = [] { return std::string("T"); };
  expand.env = {{"A", "1"}};
  const auto tasks = group_file::expand(file.value(), expand);
  REQUIRE(tasks.ok());
  REQUIRE(tasks.value().size() == 1);
  const std::string& json = tasks.value()[0].definition_json;
  CHECK(json.find(R"("command":[["sh","-c","echo \"$A\""]])") != std::string::npos);
  CHECK(json.find(R"("taskQueueId":"local/gpu")") != std::string::npos);
  CHECK(json.find(R"("maxRunTime":120)") != std::string::npos);
  CHECK(json.find(R"("retries":2)") != std::string::npos);
  CHECK(json.find(R"("name":"sh -c echo \"$A\"")") != std::string::npos);
  CHECK(json.find(R"({"path":"out","type":"directory","name":"public/out"})") != std::string::npos);
  CHECK(json.find(R"("env":{"A":"1"})") != std::string::npos);

  options.upload = ".";
  CHECK(submit_file(options).find(R"(["/bin/sh","-ec","cd src; exec \"$@\"","sh","sh",)") !=
        std::string::npos);
  CHECK(split_env({"A=b=c"}).value() ==
        std::vector<std::pair<std::string, std::string>>{{"A", "b=c"}});
  CHECK(split_env({"A"}).error().code == Errc::invalid);
}
