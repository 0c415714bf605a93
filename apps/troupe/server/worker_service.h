// What a proven worker may ask: to register, and to claim one run by name.
#pragma once

#include "apps/troupe/server/site.h"
#include "schema/rpc/worker.capnp.h"

#include <string>

namespace troupe::server {

/// `pool`: the only queue that the client may claim from; empty means any. Borrows `site`.
schema::WorkerService::Client make_worker_service(Site& site,
                                                  std::string client_id,
                                                  std::string pool);

}  // namespace troupe::server
