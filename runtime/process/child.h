// Processes we start that may outlive us: clean descriptors, a session of their own, and an
// identity that survives the reuse of process numbers.
#pragma once

#include "runtime/base/result.h"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe {

/// Which process is meant. A number alone may belong to another process tomorrow.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot, field 22 of /proc/PID/stat

  bool operator==(const ProcessIdentity&) const = default;
};

/// What to start. Everything not listed here is left behind: no other descriptor is open in the
/// child, no signal is blocked or ignored.
struct ChildOptions {
  std::vector<std::string> arguments = {};    // the program first, in PATH unless with `/`
  std::vector<std::string> environment = {};  // `NAME=value`; exactly this, nothing is inherited
  std::string working_dir = {};               // empty: ours
  int stdin_fd = -1;                          // -1: /dev/null; borrowed, stays open here
  int stdout_fd = -1;
  int stderr_fd = -1;
};

/// How a child ended.
struct ExitStatus {
  int code = 0;    // if signal is 0
  int signal = 0;  // that ended it, or 0

  bool operator==(const ExitStatus&) const = default;
};

/// Starts a program as the leader of a session of its own, so that our terminal's Ctrl-C does not
/// reach it.
///
/// Errors: `not_found` no such program or folder; `forbidden` it may not be run; `busy` no process
/// or memory is free. Thread: any. The caller reaps the child (`try_reap`, `SIGCHLD`).
Result<ProcessIdentity> spawn(const ChildOptions& options);

/// The identity of a process that exists now; nothing if there is none or it only waits to be
/// reaped.
std::optional<ProcessIdentity> identify(pid_t pid);

/// Whether that very process still runs.
bool is_alive(const ProcessIdentity& process);

/// How our child ended; nothing while it runs, or if it is no child of ours. Does not wait.
std::optional<ExitStatus> try_reap(pid_t pid);

}  // namespace troupe
