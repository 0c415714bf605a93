// All roles of the platform as one value: what holding `assume:ROLE-ID` gives.
//
// Invariants, which every set has from its making:
//   R1  role ids are unique;
//   R2  scopes of prefix roles are well-formed (`check_parameters`);
//   R3  no role depends on itself (role_cycles.h).
// By R3 expansion ends. How much it gives is bounded: nested parameters can multiply scopes.
#pragma once

#include "actors/auth/grant_index.h"
#include "actors/auth/role.h"
#include "actors/auth/role_index.h"
#include "runtime/base/result.h"
#include "runtime/scopes/scope_set.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Immutable; copies share its memory, and a set that is made from another one shares all but what
/// has changed. Thread: any.
class RoleSet {
 public:
  /// No roles.
  RoleSet() = default;

  /// Fails with `invalid`, with the texts of spec/auth.md, if the roles are no valid set.
  static Result<RoleSet> of(const std::vector<Role>& roles);

  /// With a role that is new, or replaces the one with its id. Fails as `of`, with the same text.
  /// Cost: a few microseconds, and a visit to each role that it leads to.
  Result<RoleSet> with(const Role& role) const;
  /// Without the role of this id, if there is one: what is left is valid.
  RoleSet without(std::string_view role_id) const;

  std::size_t size() const { return index_.size(); }
  /// Null if there is none with this id. Valid as long as a set with this role lives.
  const CompiledRole* find(std::string_view role_id) const;
  /// All roles in scope order of their ids: a prefix role first among those that it extends to.
  std::vector<Role> list() const;

  /// The scopes and all that roles give for them, to the fixed point.
  ///
  /// Fails with `too_large` if that is over a limit below. `ScopeExpander` keeps results.
  /// Source: spec/auth.md, "Scope expansion".
  Result<ScopeSet> expand(const ScopeSet& scopes) const;

  /// Ids of roles that would give `wanted` to who assumes them; for prefix roles, with the
  /// parameter that fits. As `GrantIndex::roles_granting`: roles that get there through others do
  /// not count.
  std::vector<std::string> roles_granting(std::string_view wanted, std::size_t limit = 20) const {
    return grants_.roles_granting(wanted, limit);
  }

  /// Bytes of memory that all copies of this set share; other versions may share most of them.
  std::size_t memory_bytes() const;

 private:
  RoleSet(RoleIndex index, GrantIndex grants)
      : index_(std::move(index)), grants_(std::move(grants)) {}

  RoleIndex index_;    // owns the roles
  GrantIndex grants_;  // of exactly these roles
};

/// Whether the roles are a valid set; fails as `RoleSet::of`.
Status check_role_set(const std::vector<Role>& roles);

// Limits of one expansion, on scopes with parameters filled in: those multiply, while any other is
// given once however often its role matches.
constexpr std::size_t filled_scopes_max = 200'000;
constexpr std::size_t filled_bytes_max = 64U << 20U;

}  // namespace troupe
