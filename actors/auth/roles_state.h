// All roles. They are one unit: which sets are valid depends on all of them. Source: spec/auth.md,
// sections 1, 7 and 11.
//
// Invariants, on top of those of a RoleSet:
//   R4  the set in memory is that of the rows, and `count` of the state row is their number;
//   R5  the version rises with each change, and no role has one that is higher: what others have
//       made of the roles of a version is good until it rises.
#pragma once

#include "actors/auth/role_set.h"
#include "runtime/base/time.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::auth {

struct RoleState {
  std::string role_id;
  std::vector<std::string> scopes;  // not expanded
  std::string description;
  Instant created;
  Instant last_modified;
  std::uint64_t version = 0;  // of all roles, when it was written
  bool operator==(const RoleState&) const = default;
};

/// What the actor keeps in memory; descriptions and dates stay in the rows.
struct RolesState {
  std::uint64_t version = 0;
  RoleSet set;
};

}  // namespace troupe::auth
