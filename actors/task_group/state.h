// One task group: who may join, who has ended.
//
// Invariants:
//   G1  neverResolved <= members;
//   G2  the scheduler id never changes while the group exists;
//   G3  once sealed, always sealed.
#pragma once

#include "runtime/actor/effects.h"
#include "runtime/base/time.h"

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

  // Not in any row.
  std::vector<ReplyTo> release_callers;
  bool release_again = false;  // somebody asked while one was under way: all members once more
};

}  // namespace troupe::task_group
