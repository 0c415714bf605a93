// One task group: who may join, who has ended.
//
// Invariants:
//   G1  neverResolved <= members;
//   G2  the scheduler id never changes while the group exists;
//   G3  once sealed, always sealed;
//   G4  group_swept has members only, and at rest none;
//   G5  a group without members has an expiry timer.
#pragma once

#include "runtime/actor/effects.h"
#include "runtime/base/time.h"
#include "schema/api/queue_types.capnp.h"
#include "schema/store/rows.capnp.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::task_group {

/// releaseTasks under way: members are looked at in slices.
struct Release {
  std::string cursor;         // last member looked at
  std::uint32_t waiting = 0;  // answers that have not come
  std::uint64_t count = 0;    // members released
};

/// A change of all members that is under way: they are asked in slices, in the order of their ids.
/// Those that were changed are rows (group_swept) until everybody has been answered.
struct Sweep {
  schema::GroupSweep what = schema::GroupSweep::CANCEL;
  schema::Priority priority = schema::Priority::LOWEST;  // of a change of priority
  std::string cursor = {};                               // last member asked
  std::uint32_t waiting = 0;                             // answers that have not come

  bool same_as(const Sweep& other) const {
    return what == other.what && priority == other.priority;
  }
};

/// Somebody who asked for a sweep and has no answer yet.
struct SweepCaller {
  ReplyTo to;
  Sweep wanted;
};

struct GroupState {
  bool exists = false;
  std::string task_group_id;
  std::string scheduler_id;
  Instant expires;
  Instant sealed;
  Instant created;
  std::string name;  // of its first task
  std::uint64_t members = 0;
  std::uint64_t never_resolved = 0;
  std::optional<Release> release;
  std::optional<Sweep> sweep;

  // Not in any row.
  std::vector<ReplyTo> release_callers;
  bool release_again = false;  // somebody asked while one was under way: all members once more
  std::vector<SweepCaller> sweep_callers;  // of the sweep under way, and of later ones in turn
  bool sweep_again = false;  // somebody asked for the same while it was: all members once more
};

/// Settings that rules depend on; constant.
struct GroupConfig {
  Duration expiration_delay{30 * 60 * 1'000};  // queue.expiration_delay
};

/// A timer, by name.
inline constexpr const char* expiry_timer = "expire";

}  // namespace troupe::task_group
