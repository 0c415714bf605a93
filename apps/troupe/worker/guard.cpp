// The guard: a small process between the worker and one command of a task.
//
//   G1  every process of the command descends from the guard, however often it daemonises: the
//   guard
//       is the reaper of its orphans;
//   G2  when the worker's end of the control socket closes (also by kill -9), or the worker orders
//   it,
//       all of them are killed;
//   G3  the guard reports, and ends, only when none of them is left.
//
// It has one thread and blocks; it knows nothing of tasks.
#include "apps/troupe/worker/files.h"
#include "apps/troupe/worker/guard_protocol.h"
#include "apps/troupe/worker/process_tree.h"
#include "apps/troupe/worker/worker.h"
#include "runtime/clock/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace troupe::worker {
namespace {

constexpr std::uint32_t request_bytes_max = 64 * 1024 * 1024;
// Between two looks at /proc while killed processes have not gone yet.
constexpr int kill_round_ms = 10;

bool read_fully(int fd, char* to, std::size_t size) {
  while (size > 0) {
    const ssize_t n = read(fd, to, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    to += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

std::optional<GuardRequest> read_request() {
  std::uint32_t size = 0;
  if (!read_fully(guard_control_fd, reinterpret_cast<char*>(&size), sizeof size)) {
    return std::nullopt;
  }
  if (size > request_bytes_max) return std::nullopt;
  std::string body(size, '\0');
  if (!read_fully(guard_control_fd, body.data(), body.size())) return std::nullopt;
  return decode_request(body);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// In the command's own process, until it becomes the command. Does not return.
[[noreturn]] void become_command(GuardRequest& request, int failure_fd, pid_t guard) {
  auto argv = pointers(request.argv);
  auto env = pointers(request.env);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != guard) _exit(127);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (chdir(request.directory.c_str()) == 0) {
    environ = env.data();  // the program is looked up in the command's own PATH
    execvp(argv[0], argv.data());
  }
  const int reason = errno;
  [[maybe_unused]] const ssize_t n = write(failure_fd, &reason, sizeof reason);
  _exit(127);
}

class Guard {
 public:
  int run() {
    if (!prepare()) return 1;
    auto request = read_request();
    if (!request) return 1;
    started_ = elapsed_now();
    start(*request);
    while (!main_ended_) {
      wait_for_something();
      reap();
    }
    kill_all();
    [[maybe_unused]] const ssize_t n = write(guard_control_fd, &report_, sizeof report_);
    return 0;
  }

 private:
  bool prepare() {
    setsid();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return false;
    close_range(guard_control_fd + 1, ~0U, 0);
    fcntl(guard_control_fd, F_SETFD, FD_CLOEXEC);
    umask(022);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGQUIT}) signal(number, SIG_IGN);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_SETMASK, &child, nullptr);
    child_signals_ = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    return child_signals_ >= 0;
  }

  void start(GuardRequest& request) {
    std::array<int, 2> failure{-1, -1};
    if (pipe2(failure.data(), O_CLOEXEC) != 0) return failed_to_start(errno);
    const pid_t guard = getpid();
    main_ = fork();
    if (main_ == 0) become_command(request, failure[1], guard);
    const int fork_errno = errno;
    close(failure[1]);
    int reason = 0;
    if (main_ < 0) {
      failed_to_start(fork_errno);
    } else if (read_fully(failure[0], reinterpret_cast<char*>(&reason), sizeof reason)) {
      report_.exec_errno = reason;
    }
    close(failure[0]);
    // The log ends when the command's processes have closed it: we must not hold it open.
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, 1);
    dup2(null, 2);
    close(null);
  }

  void failed_to_start(int reason) {
    report_.exec_errno = reason;
    report_.exit_code = 127;
    main_ended_ = true;
  }

  // A child's end, an order, or the worker's death.
  void wait_for_something() {
    // A closed socket would wake us for ever.
    const int control = worker_gone_ ? -1 : guard_control_fd;
    std::array<pollfd, 2> fds{{{control, POLLIN, 0}, {child_signals_, POLLIN, 0}}};
    if (poll(fds.data(), fds.size(), killing_ ? kill_round_ms : -1) < 0) return;
    signalfd_siginfo info{};
    while (read(child_signals_, &info, sizeof info) > 0) {
    }
    if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) obey();
    if (killing_) kill_descendants(getpid());
  }

  void obey() {
    char order = 0;
    const ssize_t n = read(guard_control_fd, &order, 1);
    if (n < 0 && errno == EINTR) return;
    if (n == 1 && order == order_terminate) {
      for (const pid_t pid : descendants(getpid())) kill(pid, SIGTERM);
      return;
    }
    worker_gone_ = n <= 0;
    killing_ = true;
  }

  void reap() {
    for (;;) {
      int status = 0;
      rusage used{};
      const pid_t pid = wait4(-1, &status, WNOHANG, &used);
      if (pid < 0) childless_ = errno == ECHILD;
      if (pid <= 0) return;
      if (pid != main_) continue;
      main_ended_ = true;
      report_.wall_us = std::chrono::microseconds(elapsed_now() - started_).count();
      report_.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      report_.user_us = used.ru_utime.tv_sec * 1'000'000 + used.ru_utime.tv_usec;
      report_.kernel_us = used.ru_stime.tv_sec * 1'000'000 + used.ru_stime.tv_usec;
    }
  }

  // What the command left behind.
  void kill_all() {
    for (;;) {
      kill_descendants(getpid());
      reap();
      if (childless_) return;
      pollfd signals{child_signals_, POLLIN, 0};
      poll(&signals, 1, kill_round_ms);
      signalfd_siginfo info{};
      while (read(child_signals_, &info, sizeof info) > 0) {
      }
    }
  }

  GuardReport report_;
  Duration started_{0};
  pid_t main_ = -1;
  int child_signals_ = -1;
  bool main_ended_ = false;
  bool childless_ = false;
  bool killing_ = false;
  bool worker_gone_ = false;
};

}  // namespace

int run_guard(int /*argc*/, char** /*argv*/) {
  return Guard().run();
}

}  // namespace troupe::worker
