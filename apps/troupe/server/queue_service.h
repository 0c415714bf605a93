// The queue's interface over RPC: queries from snapshots, commands to actors.
#pragma once

#include "apps/troupe/server/site.h"
#include "schema/api/queue.capnp.h"

namespace troupe::server {

/// Borrows `site`, which outlives the capability.
schema::Queue::Client make_queue_service(Site& site);

}  // namespace troupe::server
