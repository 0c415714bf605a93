// The bootstrap capability of every connection: nobody gets past it without proving credentials.
#pragma once

#include "apps/troupe/server/site.h"
#include "schema/rpc/session.capnp.h"

#include <memory>

namespace troupe::server {

/// One for each connection: its nonces are its own. Sets `*authenticated` once the peer has proven
/// who it is. Borrows `site`.
schema::Gateway::Client make_gateway(Site& site, std::shared_ptr<bool> authenticated);

}  // namespace troupe::server
