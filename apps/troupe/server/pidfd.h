// Descriptors of processes. The kernel's calls themselves: glibc 2.36 declares its own without
// C linkage, so C++ cannot use them.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace troupe::server {

/// A descriptor that is readable once the process has ended; the caller's. -1 with errno if there
/// is no such process.
inline int open_pidfd(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

/// Sends a signal to that very process; 0, or -1 with errno (ESRCH if it has ended).
inline int signal_pidfd(int pidfd, int signal_number) {
  return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd, signal_number, nullptr, 0));
}

}  // namespace troupe::server
