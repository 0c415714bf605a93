// What clients and roles must hold to, wherever it is asked: edges ask before they authorise a
// caller, actors ask again before they write. Texts are those that clients of the HTTP API know.
#pragma once

#include "runtime/base/result.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::auth {

/// Who is named in the audit history where nobody asked.
inline constexpr std::string_view own_client_id = "static/taskcluster/auth";

/// How names of worker tokens begin.
inline constexpr std::string_view worker_token_prefix = "troupe/worker/";

/// Whether the configuration defines this client, and no command may change it.
bool is_static(std::string_view client_id);

/// Errors: `invalid` it is a static client.
Status check_not_static(std::string_view client_id);

/// How many scopes a client or role may have: each costs time on the loop that everybody shares,
/// and nobody has a fraction of this.
inline constexpr std::size_t scopes_max = 10'000;

/// Errors: `invalid` there are more than that.
Status check_scope_count(std::size_t count);

/// Errors: `invalid` a scope of a client or role ends with two stars.
Status check_scope(std::string_view scope);
Status check_scopes(const std::vector<std::string>& scopes);

/// The scopes of a worker token that was made for a pool (`PROVISIONER/TYPE`) and nothing else.
std::vector<std::string> worker_scopes(const std::string& pool);

/// A command was authorised by a row that has changed since: read it again, authorise the caller
/// anew and send the command with the new version. Nobody outside sees this error but after many
/// tries.
Error stale();
bool is_stale(const Error& error);

}  // namespace troupe::auth
