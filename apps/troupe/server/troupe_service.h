// Troupe's own methods over RPC.
#pragma once

#include "apps/troupe/server/site.h"
#include "schema/api/troupe.capnp.h"

namespace troupe::server {

/// Borrows `site`, which outlives the capability.
schema::Troupe::Client make_troupe_service(Site& site, std::string caller);

}  // namespace troupe::server
