// One command under its guard process, as the worker sees it.
#pragma once

#include "apps/troupe/worker/guard_protocol.h"
#include "apps/troupe/worker/workshop.h"
#include "runtime/base/result.h"

#include <kj/async.h>

#include <functional>
#include <string_view>

namespace troupe::worker {

class GuardedCommand {
 public:
  using Output = std::function<void(std::string_view)>;

  /// Starts the guard, which starts the command. `output` gets what it prints, as it comes.
  /// Fails with `unavailable` if no process can be made.
  static Result<kj::Own<GuardedCommand>> start(Workshop& shop,
                                               const GuardRequest& request,
                                               Output output);

  /// When the command and all its processes have ended and `output` got everything. Once only.
  /// Rejects if the guard was lost, which a task can cause by killing it.
  kj::Promise<GuardReport> ended();

  void terminate() { order(order_terminate); }
  void kill() { order(order_kill); }

  /// Use `start`.
  GuardedCommand(Workshop& shop, pid_t pid, Output output);
  /// Lets go of the guard: it kills all that is left and ends.
  ~GuardedCommand();

 private:
  void connect(int control_fd, int output_fd, const GuardRequest& request);
  void order(GuardOrder order);
  kj::Promise<void> pump_output();
  kj::Promise<GuardReport> read_report();
  kj::Promise<void> drained();

  static constexpr std::size_t read_bytes_max = 64 * 1024;
  // Only a process outside of the guard's reach can hold the output open: it gets no longer.
  static constexpr kj::Duration drain_time = 1 * kj::SECONDS;

  Workshop& shop_;  // borrowed
  Output output_;
  const pid_t recorded_pid_;
  kj::Maybe<pid_t> pid_;  // null once it was waited for
  kj::Promise<int> exited_;
  kj::Own<kj::AsyncIoStream> control_;
  kj::Own<kj::AsyncInputStream> pipe_;
  kj::Array<char> room_;
  GuardReport report_;
  kj::Promise<void> orders_ = kj::READY_NOW;
  kj::Promise<void> pumped_ = kj::READY_NOW;
};

}  // namespace troupe::worker
