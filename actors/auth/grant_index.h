// Roles by the scopes that they have: to tell who lacks a scope which roles would give it.
#pragma once

#include "actors/auth/role.h"
#include "actors/auth/star_trie.h"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Immutable; copies share its memory. Borrows the roles: they live as long as the index.
class GrantIndex {
 public:
  /// Requires that no role with this id is in the index.
  GrantIndex with(const CompiledRole& role) const;
  /// Requires that this role is in the index.
  GrantIndex without(const CompiledRole& role) const;

  /// Ids of at most `limit` roles that have a scope which satisfies `wanted`, or becomes one for
  /// the parameter that fits it: those with the longest such scope first, then by id.
  std::vector<std::string> roles_granting(std::string_view wanted, std::size_t limit) const;

  std::size_t memory_bytes() const;

 private:
  using RoleList = std::vector<const CompiledRole*>;  // by id

  // By scope; one with a parameter stands for all that begin with what is before `<..>`.
  StarTrie<std::shared_ptr<const RoleList>> roles_;
};

}  // namespace troupe
