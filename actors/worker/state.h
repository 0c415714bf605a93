// One worker: its connection, the claims it holds, and the lease that begins when the connection is
// lost.
//
// Invariants:
//   W1  a lease timer is set if and only if there are claims and no session; `lease_until` is its
//       time;
//   W2  every claim is a row, so that a restart of the server forgets none;
//   W3  a worker without a session does not pause, and one with a session is not away.
#pragma once

#include "runtime/actor/effects.h"
#include "runtime/base/time.h"

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace troupe::worker {

struct ClaimedRun {
  std::string task_id;
  std::uint32_t run_id = 0;
  auto operator<=>(const ClaimedRun&) const = default;
};

struct WorkerState {
  bool exists = false;
  std::string task_queue_id;
  std::string worker_group;
  std::string worker_id;
  std::uint32_t capacity = 0;
  std::string host;
  std::string version;
  std::uint64_t session = 0;  // of its connection; 0 without one
  std::uint64_t process = 0;  // of its latest connection
  Instant first_claim;
  Instant last_active;
  Instant expires;
  std::string pause;                           // why it takes no claims; empty: it takes them
  Instant away_since;                          // none while it has a session, or never had one
  Instant lease_until;                         // none without a lease
  std::vector<ClaimedRun> recent;              // newest last
  std::map<ClaimedRun, std::uint64_t> claims;  // token by run; a table of their own

  // Not in any row: where pushes go.
  ReplyTo subscription;
};

struct WorkerConfig {
  Duration lease{15'000};  // worker.lease
};

inline constexpr const char* lease_timer = "lease";

}  // namespace troupe::worker
