// The bootstrap capability of every connection: nobody gets past it without proving credentials.
#pragma once

#include "apps/troupe/server/site.h"
#include "schema/rpc/session.capnp.h"

namespace troupe::server {

/// One for each connection: its nonces are its own. Borrows `site`.
schema::Gateway::Client make_gateway(Site& site);

}  // namespace troupe::server
