// Credentials for other services: what their methods need of a call's parameters, and what this
// program can make by itself. Source: spec/auth.md, sections 12 and 13.
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/scopes/scope_expression.h"
#include "schema/api/auth.capnp.h"

#include <string>

namespace troupe::server {

/// `levelIsReadOnly`, of `read-only` or `read-write`.
ScopeParameters level_values(capnp::Text::Reader level);

/// One `repoPerm` for each repository and permission.
ScopeParameters github_values(schema::Auth::GithubRepoTokenParams::Reader params);

/// A token that opens the end `client` of a tunnel through the server `audience`. Throws `internal`
/// where no secret is configured.
void fill_tunnel_token(Site& site,
                       const std::string& audience,
                       const std::string& client,
                       const std::string& caller,
                       schema::TunnelToken::Builder out);

}  // namespace troupe::server
