// Which roles lead to which, and whether any leads to itself.
//
// Role A depends on role B if a scope of A can become one that B matches, whatever the parameter:
// `<..>` and what follows stands for a star (spec/auth.md, "Validity of a role set"). While no role
// depends on itself, directly or through others, expansion ends: each step from role to role goes
// one further along a path of this graph, which has no cycles.
#pragma once

#include "actors/auth/role_index.h"

#include <string_view>
#include <vector>

namespace troupe {

/// The roles along a cycle, the first not repeated; empty if there is none.
///
/// Looks from the roles in the order of `RoleIndex::for_each`, depth first, along scopes in the
/// order of the role. The cycle begins with its role that was met first.
std::vector<const CompiledRole*> find_cycle(const RoleIndex& roles);

/// Whether a role depends on itself. Visits only what it leads to.
///
/// To keep a set free of cycles it is enough to ask this of each role that is added or changed:
/// what a role depends on follows from its own scopes and the ids of others. So a change of one
/// role alters no edge of the graph but those from it (its scopes) and to it (its id, if it is
/// new). A cycle that was not there before has one of these edges, hence goes through that role. A
/// role that goes away takes edges with it, and adds none.
bool is_on_cycle(const RoleIndex& roles, const CompiledRole& role);

}  // namespace troupe
