#include "apps/troupe/worker/guarded_command.h"

#include "apps/troupe/worker/files.h"
#include "apps/troupe/worker/work_dir.h"
#include "runtime/rpc/errors.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace troupe::worker {
namespace {

// The fds of both ends; ours are closed on exec.
struct Plumbing {
  Fd null;
  Fd output_read, output_write;
  Fd control_ours, control_theirs;
};

Result<Plumbing> lay_pipes() {
  Plumbing fds;
  std::array<int, 2> pair{};
  fds.null = Fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!fds.null.valid()) return errno_error("/dev/null");
  if (pipe2(pair.data(), O_CLOEXEC) != 0) return errno_error("pipe");
  fds.output_read = Fd(pair[0]);
  fds.output_write = Fd(pair[1]);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return errno_error("socketpair");
  }
  fds.control_ours = Fd(pair[0]);
  fds.control_theirs = Fd(pair[1]);
  return fds;
}

// posix_spawn and not fork: this process has threads and connections.
Result<pid_t> spawn_guard(const std::string& program, const Plumbing& fds) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  // In this order each source is used before its number can be taken: all are above 2.
  posix_spawn_file_actions_adddup2(&actions, fds.null.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, fds.output_write.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, fds.output_write.get(), 2);
  posix_spawn_file_actions_adddup2(&actions, fds.control_theirs.get(), guard_control_fd);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::string name = "troupe";
  std::string argument = guard_argument;
  std::string path = "PATH=/usr/bin:/bin";  // nothing of our own environment goes to tasks
  std::array<char*, 3> argv{name.data(), argument.data(), nullptr};
  std::array<char*, 2> env{path.data(), nullptr};
  pid_t pid = 0;
  const int failure =
      posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(), env.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failure == 0) return pid;
  errno = failure;
  return errno_error("start " + program);
}

}  // namespace

Result<kj::Own<GuardedCommand>> GuardedCommand::start(Workshop& shop,
                                                      const GuardRequest& request,
                                                      Output output) {
  auto fds = lay_pipes();
  if (!fds.ok()) return fds.error();
  auto pid = spawn_guard(shop.options.guard_program, fds.value());
  if (!pid.ok()) return pid.error();
  auto command = kj::heap<GuardedCommand>(shop, pid.value(), std::move(output));
  command->connect(fds.value().control_ours.release(), fds.value().output_read.release(), request);
  return command;
}

GuardedCommand::GuardedCommand(Workshop& shop, pid_t pid, Output output)
    : shop_(shop),
      output_(std::move(output)),
      recorded_pid_(pid),
      pid_(pid),
      exited_(shop.port.onChildExit(pid_)),
      room_(kj::heapArray<char>(read_bytes_max)) {
  // Without the record only the closed control socket ends the guard, which it does anyway.
  static_cast<void>(shop.work_dir.record_guard(pid));
}

GuardedCommand::~GuardedCommand() {
  if (pid_ == nullptr) shop_.work_dir.forget_guard(recorded_pid_);
}

void GuardedCommand::connect(int control_fd, int output_fd, const GuardRequest& request) {
  constexpr auto owned =
      kj::LowLevelAsyncIoProvider::TAKE_OWNERSHIP | kj::LowLevelAsyncIoProvider::ALREADY_CLOEXEC;
  control_ = shop_.io.wrapSocketFd(control_fd, owned);
  pipe_ = shop_.io.wrapInputFd(output_fd, owned);
  const std::string encoded = encode_request(request);
  auto copy =
      kj::heapArray<kj::byte>(reinterpret_cast<const kj::byte*>(encoded.data()), encoded.size());
  auto written = control_->write(copy.begin(), copy.size());
  // A guard that is gone shows itself when its report is missing.
  orders_ = written.attach(kj::mv(copy)).catch_([](kj::Exception&&) {}).eagerlyEvaluate(nullptr);
  pumped_ = pump_output().catch_([](kj::Exception&&) {}).eagerlyEvaluate(nullptr);
}

void GuardedCommand::order(GuardOrder order) {
  auto byte = kj::heapArray<kj::byte>(1);
  byte[0] = static_cast<kj::byte>(order);
  orders_ = orders_
                .then([this, byte = kj::mv(byte)]() mutable {
                  auto written = control_->write(byte.begin(), byte.size());
                  return written.attach(kj::mv(byte));
                })
                .catch_([](kj::Exception&&) {})
                .eagerlyEvaluate(nullptr);
}

kj::Promise<void> GuardedCommand::pump_output() {
  return pipe_->tryRead(room_.begin(), 1, room_.size())
      .then([this](std::size_t size) -> kj::Promise<void> {
        if (size == 0) return kj::READY_NOW;
        output_({room_.begin(), size});
        return pump_output();
      });
}

kj::Promise<GuardReport> GuardedCommand::read_report() {
  return control_->tryRead(&report_, sizeof report_, sizeof report_)
      .then([this](std::size_t size) -> kj::Promise<GuardReport> {
        if (size == sizeof report_) return report_;
        return exception_from(Error{Errc::internal, "the guard of the command was killed"});
      });
}

kj::Promise<void> GuardedCommand::drained() {
  return kj::mv(pumped_).exclusiveJoin(shop_.timer.afterDelay(drain_time));
}

kj::Promise<GuardReport> GuardedCommand::ended() {
  return read_report().then([this](GuardReport report) {
    return kj::mv(exited_).ignoreResult().then([this] { return drained(); }).then([report] {
      return report;
    });
  });
}

}  // namespace troupe::worker
