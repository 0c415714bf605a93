// What can be asked about clients and roles, answered from a snapshot.
#pragma once

#include "actors/auth/client_state.h"
#include "actors/auth/roles_state.h"
#include "actors/lookup.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::auth {

std::optional<ClientState> find_client(const Snapshot& snapshot, std::string_view client_id);

/// What tells whether something remembered of a client still holds.
struct ClientUse {
  std::uint64_t version = 0;
  Instant last_date_used;
};

/// Cheap: two rows, read in place.
std::optional<ClientUse> client_use(const Snapshot& snapshot, std::string_view client_id);

/// Clients whose id begins with `prefix`, in order of their ids: one page. `next` becomes the token
/// of the page that follows, if there are more.
std::vector<ClientState> list_clients(const Snapshot& snapshot,
                                      std::string_view prefix,
                                      const Page& page,
                                      std::string& next);

/// Grows with each change of any role; 0 before the first. Cheap: two rows, read in place.
std::uint64_t roles_version(const Snapshot& snapshot);

std::optional<RoleState> find_role(const Snapshot& snapshot, std::string_view role_id);

struct RoleRange {
  std::size_t offset = 0;
  std::size_t limit = 0;  // 0: all that follow
};

/// Roles in order of their ids. `more` says whether others follow.
std::vector<RoleState> list_roles(const Snapshot& snapshot, RoleRange range, bool& more);

}  // namespace troupe::auth
