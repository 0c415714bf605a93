// Troupe's own methods.
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/api/call.h"

namespace troupe::server {

/// Answers one call of Troupe's own methods. Borrows both, which outlive it.
kj::Own<capnp::Capability::Server> serve_troupe(Site& site, api::Call& call);

}  // namespace troupe::server
