// The workers that `troupe up` keeps on this machine: processes of their own that survive a kill of
// the server and are adopted by its next start.
//
//   DIR/workers/1/   worker.pid, credentials.json, worker.log, and the worker's own files
//
// A slot is one of them. It holds a living process, adopted or started by us; when that ends it is
// started again after a pause that grows while it keeps dying.
//
// Everything runs on the caller's KJ event loop.
#pragma once

#include "runtime/base/time.h"
#include "runtime/process/child.h"

#include <kj/async-unix.h>
#include <kj/async.h>
#include <kj/timer.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::server {

struct LocalWorkersOptions {
  std::string data_dir;
  std::uint32_t count = 1;  // slots 1..count; living workers beyond them are stopped

  /// The program that is slot `index`, with its arguments; `dir` is its work directory.
  std::function<std::vector<std::string>(std::uint32_t index, const std::string& dir)> command;
  std::vector<std::string> environment;  // `NAME=value`; exactly this

  /// The worker that lives in `dir`, if any.
  std::function<std::optional<ProcessIdentity>(const std::string& dir)> find_living;

  /// Makes `dir` ready for a start (its credentials). A rejection is logged and tried again.
  std::function<kj::Promise<void>(const std::string& dir)> prepare;

  Duration pause_min{100};     // before the second start
  Duration pause_max{10'000};  // a worker that ran this long is no crash loop
  Duration grace{3'600};       // from SIGTERM to SIGKILL: a worker gives its tasks 3 s
};

class WorkerSlot;

class LocalWorkers {
 public:
  /// Finds the workers that live in `options.data_dir`, changes nothing. `port` and `timer` are
  /// borrowed.
  LocalWorkers(kj::UnixEventPort& port, kj::Timer& timer, LocalWorkersOptions options);
  ~LocalWorkers();
  LocalWorkers(const LocalWorkers&) = delete;
  LocalWorkers& operator=(const LocalWorkers&) = delete;

  /// Fills the slots and stops the surplus; from now on who dies is started again.
  void start();

  /// Stops all: SIGTERM, and SIGKILL after `grace`. Resolves when none is left.
  kj::Promise<void> stop();

  /// The living processes: those of the slots by index, then the surplus.
  std::vector<ProcessIdentity> living() const;

 private:
  const LocalWorkersOptions options_;  // constant after construction; the slots borrow it
  std::vector<std::unique_ptr<WorkerSlot>> slots_;
  std::vector<std::unique_ptr<WorkerSlot>> surplus_;
};

}  // namespace troupe::server
