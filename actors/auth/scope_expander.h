// Expansion that remembers its results: the same few clients and tasks ask all day long.
#pragma once

#include "actors/auth/role_set.h"
#include "runtime/base/generations.h"
#include "runtime/base/result.h"
#include "runtime/scopes/scope_set.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Scopes, parted by whether they can say something of roles. Borrows the set.
struct PartedScopes {
  std::vector<std::string_view> of_roles;
  std::vector<std::string_view> others;
  std::string key;  // of the former: no two lists have the same
};
PartedScopes part(const ScopeSet& scopes);

/// The roles as they are now, and what they have given. For one thread at a time.
///
/// Results are kept by those scopes of the input that can say something of roles, so inputs that
/// differ in others share them.
class ScopeExpander {
 public:
  explicit ScopeExpander(RoleSet roles = {});

  const RoleSet& roles() const { return roles_; }
  /// From now on these roles count; all results are forgotten.
  void replace(RoleSet roles);

  /// As `RoleSet::expand`. Errors are not kept.
  Result<ScopeSet> expand(const ScopeSet& scopes);

  // The steps of that, for those who do not want to hold it while roles are expanded.

  /// What was kept by this key of parted scopes; null: nothing. Valid until the next call.
  const ScopeSet* find(const std::string& key) { return results_.find(key); }
  /// Keeps what these roles give for the scopes behind the key.
  void keep(const std::string& key, const ScopeSet& expanded);
  /// How often roles were replaced: what was expanded before is not to be kept.
  std::uint64_t replaced() const { return replaced_; }

  std::size_t kept() const { return results_.size(); }

 private:
  RoleSet roles_;
  std::uint64_t replaced_ = 0;
  Generations<ScopeSet> results_;
};

// Limits of each of the two generations that are kept.
constexpr std::size_t kept_expansions_max = 5'000;
constexpr std::size_t kept_expansion_bytes_max = 32U << 20U;

}  // namespace troupe
