// The bootstrap capability of every connection: nobody gets past it without proving credentials.
#pragma once

#include "apps/troupe/server/site.h"
#include "schema/rpc/session.capnp.h"

#include <functional>

namespace troupe::server {

/// One for each connection: its nonces are its own. Calls `on_proven` each time the peer has
/// proven who it is. Borrows `site`.
schema::Gateway::Client make_gateway(Site& site, std::function<void()> on_proven);

}  // namespace troupe::server
