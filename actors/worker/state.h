// One worker: its connection, the claims it holds, and the lease that begins when the connection is
// lost.
//
// Invariants:
//   W1  a lease timer is set if and only if there are claims that a connection holds and no
//   session;
//       `lease_until` is its time;
//   W2  every claim is a row, so that a restart of the server forgets none;
//   W3  a worker without a session does not pause, and one with a session is not away;
//   W4  a record timer is set if and only if there is a row and no session: some time after the
//       record has expired it is removed, if nothing is held.
//
// A connected worker is seen all the time: its record does not expire.
// A worker may have a row and yet no record that anybody sees: `claimTask` leaves one for as long
// as the claim lasts. Then `expires` is none.
#pragma once

#include "runtime/actor/effects.h"
#include "runtime/base/shared_map.h"
#include "runtime/base/time.h"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::worker {

struct ClaimedRun {
  std::string task_id;
  std::uint32_t run_id = 0;
  auto operator<=>(const ClaimedRun&) const = default;
};

/// One change of a worker's quarantine.
struct Quarantine {
  std::string client_id;  // who made it
  Instant updated;
  Instant until;
  std::string info;  // why, for people
  bool operator==(const Quarantine&) const = default;
};

/// Somebody who is told once the queue knows of the quarantine.
struct QuarantineCaller {
  std::uint64_t question = 0;  // as in schema WorkerMessage
  ReplyTo reply_to;
};

/// An amount of something that tasks use up: thousandths of a processor, bytes, tokens.
struct Resource {
  std::string name;
  std::uint64_t amount = 0;
  bool operator==(const Resource&) const = default;
};

/// How long a record is kept after the worker was last seen.
inline constexpr Duration record_outlives_use{24 * 60 * 60 * 1'000};

/// How long one that asks over HTTP counts as there. That it asks is written down each half hour.
inline constexpr Duration heard_of_late{35 * 60 * 1'000};

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
  Instant expires;                 // of its record; none: nobody sees it
  std::string pause;               // why it takes no claims; empty: it takes them
  Instant away_since;              // none while it has a session, or never had one
  Instant lease_until;             // none without a lease
  std::vector<ClaimedRun> recent;  // newest last
  using Tokens = SharedMap<ClaimedRun, std::uint64_t>;  // by run
  Tokens claims;                                        // a table of their own
  Tokens timed;                         // of those: ended by time alone, by no lost connection
  Instant quarantine_until;             // none: it never was in quarantine
  std::vector<Quarantine> quarantines;  // newest last
  std::optional<std::vector<Resource>> resources;  // that it has; nothing: it takes every task

  // Not in any row.
  ReplyTo subscription;                        // where pushes go
  std::vector<QuarantineCaller> quarantining;  // in the order in which they asked

  bool has_record() const { return exists && expires; }
  /// When its record expires, as far as is known at `now`.
  Instant expires_at(Instant now) const {
    return session != 0 ? std::max(expires, now + record_outlives_use) : expires;
  }
  /// Whether it asks for work over HTTP: it has no connection, and has lost none.
  bool polls() const { return exists && session == 0 && !away_since; }
  /// Whether it is at work, or would be: connected, or heard of over HTTP of late.
  bool is_there(Instant now) const {
    return session != 0 ||
           (polls() && (!timed.empty() || (last_active && now - last_active < heard_of_late)));
  }
  bool is_quarantined(Instant now) const { return quarantine_until > now; }
  /// Whether a lost connection would end a claim.
  bool holds_leased() const { return claims.size() > timed.size(); }
};

struct WorkerConfig {
  Duration lease{15'000};                      // worker.lease
  Duration expiration_delay{30 * 60 * 1'000};  // queue.expiration_delay
};

inline constexpr const char* lease_timer = "lease";
inline constexpr const char* record_timer = "record";

}  // namespace troupe::worker
