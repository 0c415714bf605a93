#include "runtime/process/child.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

using namespace troupe;

namespace {

/// Runs a shell script in a child and returns what it wrote, until the last holder of its standard
/// output ended.
std::string output_of(const std::string& script, ChildOptions options = {}) {
  int fds[2];
  REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
  options.arguments = {"/bin/sh", "-c", script};
  options.stdout_fd = fds[1];
  const auto child = spawn(options);
  REQUIRE(child.ok());
  close(fds[1]);
  std::string out;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(fds[0], buffer, sizeof buffer)) > 0;) {
    out.append(buffer, static_cast<std::size_t>(n));
  }
  close(fds[0]);
  REQUIRE(waitpid(child.value().pid, nullptr, 0) == child.value().pid);
  return out;
}

}  // namespace

TEST_CASE("a child starts clean", "[process]") {
  SECTION("with the given environment alone") {
    CHECK(output_of("/usr/bin/env | /usr/bin/sort | /bin/grep -v '^_=\\|^PWD='",
                    {.environment = {"A=1", "B=2 3"}}) == "A=1\nB=2 3\n");
  }
  SECTION("in the given folder") {
    CHECK(output_of("pwd", {.working_dir = "/usr"}) == "/usr\n");
  }
  SECTION("without our descriptors") {
    const int leaked = open("/dev/null", O_RDONLY);  // without O_CLOEXEC
    REQUIRE(leaked >= 3);
    const auto test =
        "if [ -e /proc/self/fd/" + std::to_string(leaked) + " ]; then echo leaked; fi";
    CHECK(output_of(test).empty());
    close(leaked);
  }
  SECTION("with nothing to read") {
    CHECK(output_of("cat; echo end") == "end\n");
  }
  SECTION("in a session of its own") {
    CHECK(output_of("cut -d' ' -f1,6 /proc/$$/stat | { read a b; [ $a = $b ] && echo leader; }",
                    {.environment = {"PATH=/usr/bin:/bin"}}) == "leader\n");
  }
  SECTION("without blocked signals") {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    CHECK(output_of("grep SigBlk /proc/self/status", {.environment = {"PATH=/usr/bin:/bin"}}) ==
          "SigBlk:\t0000000000000000\n");
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
}

TEST_CASE("a child's descriptors may be each other's targets", "[process]") {
  int fds[2];
  REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
  const int saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  // The pipe at descriptor 1, wanted as the child's 2, and our standard output wanted as its 1.
  REQUIRE(dup2(fds[1], STDOUT_FILENO) == STDOUT_FILENO);
  const auto child = spawn({.arguments = {"/bin/sh", "-c", "echo text >&2"},
                            .stdout_fd = saved,
                            .stderr_fd = STDOUT_FILENO});
  REQUIRE(dup2(saved, STDOUT_FILENO) == STDOUT_FILENO);
  close(saved);
  close(fds[1]);
  REQUIRE(child.ok());
  char buffer[16] = {};
  CHECK(read(fds[0], buffer, sizeof buffer) == 5);
  CHECK(std::string(buffer) == "text\n");
  close(fds[0]);
  waitpid(child.value().pid, nullptr, 0);
}

TEST_CASE("a child is known by number and start time", "[process]") {
  int held_open[2];
  REQUIRE(pipe2(held_open, O_CLOEXEC) == 0);
  const auto child = spawn({.arguments = {"/bin/cat"}, .stdin_fd = held_open[0]});
  close(held_open[0]);
  REQUIRE(child.ok());
  const auto process = child.value();
  CHECK(process.start_time > 0);
  CHECK(is_alive(process));

  SECTION("another start time is another process") {
    auto other = process;
    other.start_time += 1;
    CHECK_FALSE(is_alive(other));
  }
  SECTION("ended it is not alive, reaped or not") {
    REQUIRE(kill(process.pid, SIGKILL) == 0);
    siginfo_t info;
    REQUIRE(waitid(P_PID, static_cast<id_t>(process.pid), &info, WEXITED | WNOWAIT) == 0);
    CHECK_FALSE(is_alive(process));
    CHECK(try_reap(process.pid) == ExitStatus{0, SIGKILL});
    CHECK_FALSE(is_alive(process));
    CHECK(try_reap(process.pid) == std::nullopt);
  }
  close(held_open[1]);
  waitpid(process.pid, nullptr, 0);
}

TEST_CASE("we are alive ourselves", "[process]") {
  const auto self = identify(getpid());
  REQUIRE(self);
  CHECK(is_alive(*self));
}

TEST_CASE("an exit code is told", "[process]") {
  const auto child = spawn({.arguments = {"/bin/sh", "-c", "exit 7"}});
  REQUIRE(child.ok());
  siginfo_t info;
  REQUIRE(waitid(P_PID, static_cast<id_t>(child.value().pid), &info, WEXITED | WNOWAIT) == 0);
  CHECK(try_reap(child.value().pid) == ExitStatus{7, 0});
}

TEST_CASE("what cannot be started is an error", "[process]") {
  CHECK(spawn({.arguments = {"/no/such/program"}}).error().code == Errc::not_found);
  CHECK(spawn({.arguments = {"/proc/version"}}).error().code == Errc::forbidden);
  CHECK(spawn({.arguments = {"/bin/true"}, .working_dir = "/no/such"}).error().code ==
        Errc::not_found);
}
