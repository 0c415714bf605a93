// What every deployment has from its first moment: clients that the configuration defines, those of
// the platform's own parts, and the role of everybody. Source: spec/auth.md, sections 3 and 4.
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/base/secret.h"

#include <kj/async.h>

#include <string>
#include <vector>

namespace troupe::server {

struct StaticClient {
  std::string client_id;  // `static/…`
  Secret access_token;    // empty: any will do, a random one is made
  std::string description;
  std::vector<std::string> scopes;
};

/// The list that a file of static clients holds: JSON objects with `clientId`, `accessToken`,
/// `description` and `scopes`.
///
/// Errors: `invalid`, with all faults: a name that does not begin with `static/` or is there twice
/// or is one of ours, a token that has not 22 to 66 characters of base64url, scopes that no client
/// may have.
Result<std::vector<StaticClient>> read_static_clients(std::string_view json);

/// Makes the stored static clients those in the list and the platform's own, and no others. On the
/// first start of a directory also makes the role `anonymous`, with what a public deployment lets
/// everybody read, or hardly anything if it `is_private`. Resolves when all is on disk.
kj::Promise<void> synchronise_static_clients(Site& site,
                                             std::vector<StaticClient> configured,
                                             bool is_private);

}  // namespace troupe::server
