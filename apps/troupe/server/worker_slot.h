// One local worker's place: the process that fills it, and what happens when that ends.
#pragma once

#include "apps/troupe/server/local_workers.h"
#include "runtime/process/child.h"

#include <kj/async-unix.h>
#include <kj/async.h>
#include <kj/timer.h>

#include <cstdint>
#include <memory>
#include <string>

namespace troupe::server {

/// A living process and the descriptor (pidfd) that tells of its end. A number that the kernel gave
/// away again is never signalled.
class ProcessWatch {
 public:
  /// Nothing if the process has ended, or its number is another's by now.
  static std::unique_ptr<ProcessWatch> adopt(kj::UnixEventPort& port,
                                             const ProcessIdentity& process);

  /// Of a child that nobody has reaped yet. Throws if no descriptor is free.
  static std::unique_ptr<ProcessWatch> of_child(kj::UnixEventPort& port,
                                                const ProcessIdentity& process);

  const ProcessIdentity& process() const { return process_; }

  /// Resolves when the process has ended; at once if it has already. One promise at a time.
  kj::Promise<void> on_end();

  void send(int signal_number);

 private:
  ProcessWatch(kj::UnixEventPort& port, int pidfd, ProcessIdentity process);

  const kj::AutoCloseFd pidfd_;
  const ProcessIdentity process_;
  kj::UnixEventPort::FdObserver observer_;
};

/// A place for a worker. Runs on its creator's KJ event loop.
class WorkerSlot {
 public:
  /// Finds the worker that lives there already, changes nothing. `options` is borrowed.
  WorkerSlot(kj::UnixEventPort& port,
             kj::Timer& timer,
             const LocalWorkersOptions& options,
             std::uint32_t index);

  bool lives() const;

  /// Requires that it lives, or has lived.
  const ProcessIdentity& process() const { return watch_->process(); }

  /// Keeps a worker here: the one that lives, or a new one, until `stop`.
  void keep();

  /// Stops the worker and leaves the place empty.
  kj::Promise<void> stop();

  /// The same without waiting for it.
  void stop_in_background();

 private:
  bool adopt();
  kj::Promise<void> fill();
  void spawn_worker();
  kj::Promise<void> next_life();
  void ended();
  Duration pause() const;

  kj::UnixEventPort& port_;
  kj::Timer& timer_;
  const LocalWorkersOptions& options_;
  const std::uint32_t index_;
  const std::string dir_;

  std::unique_ptr<ProcessWatch> watch_;  // null: never filled, or its worker has ended
  bool is_child_ = false;
  Duration begun_{0};             // elapsed time at the start or adoption
  std::uint32_t quick_ends_ = 0;  // ends in a row, each soon after its start
  kj::Promise<void> doing_ = nullptr;
};

}  // namespace troupe::server
