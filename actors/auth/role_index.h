// Roles by id, for matching with scopes.
#pragma once

#include "actors/auth/role.h"
#include "actors/auth/star_trie.h"

namespace troupe {

/// By role id; a prefix role stands for all ids that begin with its own.
using RoleIndex = StarTrie<RolePtr>;

}  // namespace troupe
