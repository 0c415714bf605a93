#include "apps/troupe/worker/guarded_command.h"
#include "apps/troupe/worker/process_tree.h"
#include "tests/apps/worker/fixture.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace troupe::worker {
namespace {

// Far beyond what any step takes; only a failure waits so long.
constexpr int patience_ms = 20'000;

// What a command printed, and a wait for a part of it.
class Printed {
 public:
  GuardedCommand::Output sink() {
    return [this](std::string_view bytes) {
      text_ += bytes;
      if (waiting_.get() != nullptr && text_.find(wanted_) != std::string::npos)
        waiting_->fulfill();
    };
  }

  kj::Promise<void> until(std::string wanted) {
    if (text_.find(wanted) != std::string::npos) return kj::READY_NOW;
    wanted_ = std::move(wanted);
    auto pair = kj::newPromiseAndFulfiller<void>();
    waiting_ = kj::mv(pair.fulfiller);
    return kj::mv(pair.promise);
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::string wanted_;
  kj::Own<kj::PromiseFulfiller<void>> waiting_;
};

struct Stage {
  kj::Own<GuardedCommand> start(const std::vector<std::string>& argv,
                                const std::vector<std::string>& env = {"PATH=/usr/bin:/bin"}) {
    auto command = GuardedCommand::start(
        f.shop, {.directory = f.dir.path(), .argv = argv, .env = env}, printed.sink());
    REQUIRE(command.ok());
    return std::move(command).value();
  }
  kj::Own<GuardedCommand> shell(const std::string& script) { return start({"sh", "-c", script}); }

  test::Fixture f;
  Printed printed;
};

// A handle on a process that survives the reuse of its number.
class Handle {
 public:
  explicit Handle(pid_t pid) : fd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
  bool ends() {
    if (!fd_.valid()) return true;
    pollfd ended{fd_.get(), POLLIN, 0};
    return poll(&ended, 1, patience_ms) == 1;
  }

 private:
  Fd fd_;
};

// The number after `key=` in what was printed.
pid_t pid_in(const std::string& text, const std::string& key) {
  return std::stoi(text.substr(text.find(key + "=") + key.size() + 1));
}

TEST_CASE("a command runs in its folder, with its environment and nothing else",
          "[worker][guard]") {
  Stage s;
  auto command = s.start({"/bin/sh", "-c", "pwd; env; echo err >&2; cat; exit 7"}, {"A=1"});
  const auto report = command->ended().wait(s.f.io.waitScope);
  CHECK(report.exit_code == 7);
  CHECK(report.exec_errno == 0);
  CHECK_THAT(s.printed.text(), Catch::StartsWith(s.f.dir.path() + "\n"));
  CHECK_THAT(s.printed.text(), Catch::Contains("A=1\n"));
  CHECK_THAT(s.printed.text(), !Catch::Contains("HOME="));
  CHECK_THAT(s.printed.text(), Catch::EndsWith("err\n"));
}

TEST_CASE("all that a command prints arrives", "[worker][guard]") {
  Stage s;
  auto command = s.shell("head -c 3000000 /dev/zero | tr '\\0' x; echo end");
  CHECK(command->ended().wait(s.f.io.waitScope).exit_code == 0);
  CHECK(s.printed.text() == std::string(3'000'000, 'x') + "end\n");
}

TEST_CASE("a command that cannot be executed says why", "[worker][guard]") {
  Stage s;
  test::write_file(s.f.dir / "script", "no program");
  CHECK(s.start({"/no/such/program"})->ended().wait(s.f.io.waitScope).exec_errno == ENOENT);
  CHECK(s.start({"not-in-the-path"})->ended().wait(s.f.io.waitScope).exec_errno == ENOENT);
  CHECK(s.start({"./script"})->ended().wait(s.f.io.waitScope).exec_errno == EACCES);
}

TEST_CASE("a signal that ends a command is its exit code plus 128", "[worker][guard]") {
  Stage s;
  CHECK(s.shell("kill -ABRT $$")->ended().wait(s.f.io.waitScope).exit_code == 128 + SIGABRT);
}

TEST_CASE("what a command leaves behind ends with it", "[worker][guard]") {
  Stage s;
  // Two daemons, one of which has left its session twice; the command waits until both have spoken.
  // Each word has a pipe of its own: a writer still open would end the next reader's file.
  auto command = s.shell(
      "mkfifo first second go; "
      "setsid sh -c 'trap \"\" TERM HUP; echo one=$$; echo > first; exec sleep 1000' & "
      "read x < first; "
      "(setsid sh -c '(setsid sh -c \"echo two=\\$\\$; echo > second; exec sleep 1000\" &)' &); "
      "read x < second; echo stay; read x < go");
  s.printed.until("stay").wait(s.f.io.waitScope);
  Handle one(pid_in(s.printed.text(), "one"));
  Handle two(pid_in(s.printed.text(), "two"));
  test::write_file(s.f.dir / "go", "\n");
  CHECK(command->ended().wait(s.f.io.waitScope).exit_code == 0);
  CHECK(one.ends());
  CHECK(two.ends());
}

TEST_CASE("an ordered SIGTERM reaches all processes of a command", "[worker][guard]") {
  Stage s;
  auto command = s.shell("trap 'echo bye; exit 5' TERM; echo ready; sleep 1000 & wait");
  s.printed.until("ready").wait(s.f.io.waitScope);
  command->terminate();
  CHECK(command->ended().wait(s.f.io.waitScope).exit_code == 5);
  CHECK(s.printed.text() == "ready\nbye\n");
}

TEST_CASE("an ordered SIGKILL ends what ignores everything", "[worker][guard]") {
  Stage s;
  auto command = s.shell("trap '' TERM INT HUP; echo pid=$$; while :; do sleep 1000; done");
  s.printed.until("\n").wait(s.f.io.waitScope);
  Handle process(pid_in(s.printed.text(), "pid"));
  command->terminate();
  command->kill();
  CHECK(command->ended().wait(s.f.io.waitScope).exit_code == 128 + SIGKILL);
  CHECK(process.ends());
}

TEST_CASE("a guard that loses its worker takes everything along", "[worker][guard]") {
  Stage s;
  auto command = s.shell(
      "echo pid=$$; setsid sh -c 'trap \"\" TERM HUP; echo away=$$; while :; do sleep 1000; done'");
  s.printed.until("away=").wait(s.f.io.waitScope);
  s.printed.until("\n").wait(s.f.io.waitScope);
  Handle shell(pid_in(s.printed.text(), "pid"));
  Handle away(pid_in(s.printed.text(), "away"));
  command = nullptr;  // closes the socket, as the kernel does for a worker that was killed
  CHECK(shell.ends());
  CHECK(away.ends());
}

TEST_CASE("a new worker ends the guards of a dead one", "[worker][guard]") {
  const test::TempDir dir;
  Stage s;
  auto command = s.shell("setsid sh -c 'echo away=$$; while :; do sleep 1000; done'");
  s.printed.until("\n").wait(s.f.io.waitScope);
  Handle away(pid_in(s.printed.text(), "away"));
  // The records of this worker, in the folder of another one that is to start.
  const auto guards = descendants(getpid());
  REQUIRE(!guards.empty());
  { REQUIRE(WorkDir::open(dir / "next").ok()); }
  for (const pid_t pid : guards) {
    const auto record = s.f.work_dir.path() + "/guards/" + std::to_string(pid);
    if (!test::exists(record)) continue;
    test::write_file(dir / "next/guards/" + std::to_string(pid), test::read_file(record));
  }
  test::write_file(dir / "next/tasks/left", "x");
  REQUIRE(WorkDir::open(dir / "next").ok());
  CHECK(away.ends());
  CHECK(!test::exists(dir / "next/tasks/left"));
}

TEST_CASE("two workers never share a folder", "[worker][guard]") {
  const test::TempDir dir;
  auto first = WorkDir::open(dir / "w");
  REQUIRE(first.ok());
  CHECK(WorkDir::open(dir / "w").error().code == Errc::conflict);
  const auto living = living_worker(dir / "w");
  REQUIRE(living.has_value());
  CHECK(*living == *identify(getpid()));
  CHECK(!living_worker(dir / "nothing").has_value());
  { const WorkDir gone = std::move(first).value(); }
  CHECK(!living_worker(dir / "w").has_value());
}

TEST_CASE("a request reads back as it was written", "[worker][guard]") {
  rc::check([](const std::string& directory, const std::vector<std::string>& rest,
               const std::vector<std::string>& env) {
    GuardRequest request{.directory = directory, .argv = rest, .env = env};
    request.argv.emplace_back("last");
    const auto encoded = encode_request(request);
    RC_ASSERT(decode_request(std::string_view(encoded).substr(4)) == request);
    // Nothing shorter is taken for a request.
    RC_ASSERT(!decode_request(std::string_view(encoded).substr(4, encoded.size() - 5)));
  });
}

}  // namespace
}  // namespace troupe::worker
