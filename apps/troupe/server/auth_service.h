// The auth service's methods: clients, roles, scopes and signatures.
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/api/call.h"

namespace troupe::server {

/// Answers one call of auth's. Borrows both, which outlive it.
kj::Own<capnp::Capability::Server> serve_auth(Site& site, api::Call& call);

}  // namespace troupe::server
