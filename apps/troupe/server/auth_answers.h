// What the auth service's answers hold, from what is stored.
#pragma once

#include "actors/auth/audit.h"
#include "actors/auth/client_state.h"
#include "actors/auth/roles_state.h"
#include "apps/troupe/server/caller.h"
#include "apps/troupe/server/realm.h"
#include "apps/troupe/server/site.h"
#include "runtime/store/message.h"
#include "schema/api/auth.capnp.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::server {

/// For what has no zero behind it, as a Text::Reader would need it. Requires as much room.
inline void copy_text(std::string_view from, capnp::Text::Builder to) {
  std::ranges::copy(from, to.begin());
}

/// `init` makes the list of so many texts.
template <class Init>
void fill_scopes(const ScopeSet& scopes, Init&& init) {
  auto out = init(static_cast<unsigned>(scopes.size()));
  for (unsigned i = 0; i < out.size(); ++i) {
    copy_text(scopes[i], out.init(i, static_cast<unsigned>(scopes[i].size())));
  }
}
template <class Init>
void fill_scopes(const std::vector<std::string>& scopes, Init&& init) {
  auto out = init(static_cast<unsigned>(scopes.size()));
  for (unsigned i = 0; i < out.size(); ++i) out.set(i, text(scopes[i]));
}

/// What the scopes come to; they themselves where that is beyond all bounds, so that one client or
/// role does not take a list from everybody.
ScopeSet shown_expansion(Site& site, const std::vector<std::string>& scopes);

/// A Client or a ClientWithToken, all but the token.
template <class Out>
void fill_client(Site& site, const auth::ClientState& client, Out out) {
  out.setClientId(text(client.client_id));
  out.setExpires(client.expires.ms);
  out.setDescription(text(client.description));
  out.setCreated(client.created.ms);
  out.setLastModified(client.last_modified.ms);
  out.setLastDateUsed(client.last_date_used.ms);
  out.setLastRotated(client.last_rotated.ms);
  out.setDeleteOnExpiration(client.delete_on_expiration);
  out.setDisabled(client.disabled);
  fill_scopes(client.scopes, [&](unsigned n) { return out.initScopes(n); });
  fill_scopes(shown_expansion(site, client.scopes),
              [&](unsigned n) { return out.initExpandedScopes(n); });
}

void fill_role(Site& site, const auth::RoleState& role, schema::Role::Builder out);
void fill_audit(const auth::AuditEntry& entry, schema::AuditEntry::Builder out);

/// Whether the signature of the request that `payload` tells of is valid.
void authenticate(schema::HawkRequest::Reader payload,
                  Site& site,
                  schema::HawkResponse::Builder out);

/// Checks how a call is signed, as by the client `tester` with these scopes and no others.
/// Throws `unauthenticated`, and `forbidden` if one of `required` is missing.
void test_authentication(Caller& caller,
                         std::vector<std::string> scopes,
                         const std::vector<std::string>& required,
                         schema::TestResponse::Builder out);

}  // namespace troupe::server
