// What a proven worker may ask: to register, and to claim one run by name.
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/api/call.h"

namespace troupe::server {

/// Answers one call of a worker's. Borrows both, which outlive it.
kj::Own<capnp::Capability::Server> serve_worker(Site& site, api::Call& call);

}  // namespace troupe::server
