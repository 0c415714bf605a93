#include "apps/troupe/server/local_workers.h"

#include "runtime/base/result.h"
#include "runtime/rpc/errors.h"
#include "tests/apps/server/temp_dir.h"

#include <catch2/catch.hpp>
#include <kj/async-io.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace troupe::server {
namespace {

using namespace std::chrono_literals;
using test::TempDir;

// Runs the event loop until `count` workers have been started.
class Starts {
 public:
  void add() {
    ++count_;
    if (count_ == awaited_) fulfiller_->fulfill();
  }

  void wait(std::uint32_t count, kj::WaitScope& scope) {
    if (count_ >= count) return;
    auto pair = kj::newPromiseAndFulfiller<void>();
    awaited_ = count;
    fulfiller_ = kj::mv(pair.fulfiller);
    pair.promise.wait(scope);
  }

  std::uint32_t count() const { return count_; }

 private:
  std::uint32_t count_ = 0;
  std::uint32_t awaited_ = 0;
  kj::Own<kj::PromiseFulfiller<void>> fulfiller_;
};

// A machine with a data directory on which servers come and go.
struct Machine {
  Machine() { REQUIRE(std::filesystem::create_directories(data / "workers")); }
  ~Machine() { LocalWorkers(io.unixEventPort, timer(), options(0)).stop().wait(io.waitScope); }

  kj::Timer& timer() { return io.provider->getTimer(); }

  LocalWorkersOptions options(std::uint32_t count) {
    return {.data_dir = data.path(),
            .count = count,
            .command =
                [this](std::uint32_t, const std::string&) {
                  starts.add();
                  return program;
                },
            .environment = {"PATH=/usr/bin:/bin"},
            .find_living = [this](const std::string& dir) -> std::optional<ProcessIdentity> {
              const auto found = recorded.find(dir);
              if (found == recorded.end() || !is_alive(found->second)) return std::nullopt;
              return found->second;
            },
            .prepare = [](const std::string&) -> kj::Promise<void> { return kj::READY_NOW; },
            .pause_min = 1ms,
            .pause_max = 4ms};
  }

  std::unique_ptr<LocalWorkers> start(std::uint32_t count) {
    auto workers = std::make_unique<LocalWorkers>(io.unixEventPort, timer(), options(count));
    workers->start();
    return workers;
  }

  // What a worker itself does: leaves in its folder which process it is.
  void record(const LocalWorkers& workers) {
    std::uint32_t index = 0;
    for (const ProcessIdentity& process : workers.living()) {
      recorded[data / ("workers/" + std::to_string(++index))] = process;
    }
  }

  TempDir data;
  kj::AsyncIoContext io = kj::setupAsyncIo();
  Starts starts;
  std::vector<std::string> program = {"sleep", "1000"};
  std::map<std::string, ProcessIdentity> recorded;
};

TEST_CASE("workers are started, and none is left after a stop", "[local_workers]") {
  Machine machine;
  auto workers = machine.start(3);
  machine.starts.wait(3, machine.io.waitScope);
  const auto living = workers->living();
  REQUIRE(living.size() == 3);
  for (const ProcessIdentity& process : living) CHECK(getsid(process.pid) == process.pid);
  workers->stop().wait(machine.io.waitScope);
  CHECK(workers->living().empty());
  for (const ProcessIdentity& process : living) {
    CHECK_FALSE(is_alive(process));
    CHECK_FALSE(std::filesystem::exists("/proc/" + std::to_string(process.pid)));
  }
}

TEST_CASE("what workers print is kept in their folders", "[local_workers]") {
  Machine machine;
  machine.program = {"sh", "-c", "echo out; echo err >&2; pwd"};
  auto workers = machine.start(1);
  // The second start comes after the end of the first.
  machine.starts.wait(2, machine.io.waitScope);
  const std::string dir = machine.data / "workers/1";
  CHECK(machine.data.read("workers/1/worker.log").rfind("out\nerr\n" + dir + "\n", 0) == 0);
  workers->stop().wait(machine.io.waitScope);
}

TEST_CASE("living workers are adopted, only the missing are started", "[local_workers]") {
  Machine machine;
  auto first = machine.start(2);
  machine.starts.wait(2, machine.io.waitScope);
  const auto before = first->living();
  machine.record(*first);
  // The server is killed: nobody stops its workers.
  first.reset();

  auto second = machine.start(3);
  machine.starts.wait(3, machine.io.waitScope);
  const auto after = second->living();
  REQUIRE(after.size() == 3);
  CHECK(after[0] == before[0]);
  CHECK(after[1] == before[1]);
  CHECK(machine.starts.count() == 3);
  second->stop().wait(machine.io.waitScope);
  CHECK_FALSE(is_alive(before[0]));
}

TEST_CASE("a process that took a dead worker's number is not adopted", "[local_workers]") {
  Machine machine;
  auto first = machine.start(1);
  machine.starts.wait(1, machine.io.waitScope);
  ProcessIdentity other = first->living().front();
  ++other.start_time;
  LocalWorkersOptions options = machine.options(1);
  options.find_living = [other](const std::string&) { return other; };
  CHECK(LocalWorkers(machine.io.unixEventPort, machine.timer(), options).living().empty());
  first->stop().wait(machine.io.waitScope);
}

TEST_CASE("a worker that dies is started again", "[local_workers]") {
  Machine machine;
  auto workers = machine.start(1);
  machine.starts.wait(1, machine.io.waitScope);
  const ProcessIdentity first = workers->living().front();
  SECTION("if it is our child") {}
  SECTION("if it was adopted") {
    machine.record(*workers);
    workers = machine.start(1);
  }
  REQUIRE(kill(first.pid, SIGKILL) == 0);
  machine.starts.wait(2, machine.io.waitScope);
  REQUIRE(workers->living().size() == 1);
  CHECK(workers->living().front() != first);
  workers->stop().wait(machine.io.waitScope);
}

TEST_CASE("a worker that ends at once is tried again and again", "[local_workers]") {
  Machine machine;
  SECTION("if it fails") {
    machine.program = {"false"};
  }
  SECTION("if it cannot be executed") {
    machine.program = {"/no/such/program"};
  }
  auto workers = machine.start(1);
  machine.starts.wait(8, machine.io.waitScope);
  workers->stop().wait(machine.io.waitScope);
  CHECK(workers->living().empty());
}

TEST_CASE("a folder that cannot be made ready is tried again", "[local_workers]") {
  Machine machine;
  LocalWorkersOptions options = machine.options(1);
  std::uint32_t attempts = 0;
  options.prepare = [&attempts](const std::string&) -> kj::Promise<void> {
    if (++attempts < 3) return exception_from({Errc::unavailable, "not yet"});
    return kj::READY_NOW;
  };
  LocalWorkers workers(machine.io.unixEventPort, machine.timer(), options);
  workers.start();
  machine.starts.wait(1, machine.io.waitScope);
  CHECK(attempts == 3);
  workers.stop().wait(machine.io.waitScope);
}

TEST_CASE("workers beyond the number asked for are stopped", "[local_workers]") {
  Machine machine;
  auto first = machine.start(3);
  machine.starts.wait(3, machine.io.waitScope);
  const auto before = first->living();
  machine.record(*first);
  first.reset();

  auto second =
      std::make_unique<LocalWorkers>(machine.io.unixEventPort, machine.timer(), machine.options(1));
  CHECK(second->living().size() == 3);
  second->stop().wait(machine.io.waitScope);
  for (const ProcessIdentity& process : before) CHECK_FALSE(is_alive(process));
}

TEST_CASE("a worker that ignores SIGTERM is killed", "[local_workers]") {
  Machine machine;
  const std::string fifo = machine.data / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  machine.program = {"sh", "-c", "trap '' TERM; echo ready > " + fifo + "; exec sleep 1000"};
  LocalWorkersOptions options = machine.options(1);
  options.grace = 20ms;
  LocalWorkers workers(machine.io.unixEventPort, machine.timer(), options);
  workers.start();
  machine.starts.wait(1, machine.io.waitScope);
  const int fd = open(fifo.c_str(), O_RDONLY | O_CLOEXEC);  // until the worker says it is ready
  REQUIRE(fd >= 0);
  close(fd);
  const ProcessIdentity process = workers.living().front();
  workers.stop().wait(machine.io.waitScope);
  CHECK_FALSE(is_alive(process));
}

}  // namespace
}  // namespace troupe::server
