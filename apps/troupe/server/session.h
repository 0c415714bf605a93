// What a client that has proven who it is reaches over RPC.
#pragma once

#include "apps/troupe/server/gateway.h"
#include "apps/troupe/server/site.h"
#include "schema/rpc/session.capnp.h"

#include <string>

namespace troupe::server {

/// Of one client, whose scopes are looked up at each call. Borrows `site`. `peer`: the address that
/// its connection comes from.
schema::Session::Client make_session(Site& site, const SessionKey& key, const std::string& peer);

}  // namespace troupe::server
