// The services of this program, as the schema defines them, and the code that answers each. The one
// list of services: HTTP, RPC and the published references all go by it.
#pragma once

#include "apps/troupe/server/caller.h"
#include "apps/troupe/server/site.h"
#include "runtime/api/body_readers.h"
#include "runtime/api/call.h"
#include "runtime/http/router.h"
#include "runtime/metrics/registry.h"

#include <capnp/capability.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::server {

struct ServedService {
  api::Service service;
  kj::Own<capnp::Capability::Server> (*serve)(Site& site, api::Call& call);
};

/// In the order of their names; the same for the life of the process.
const std::vector<ServedService>& served_services();

/// Who calls over RPC.
struct RpcVisitor {
  std::shared_ptr<Caller> caller;
  std::string peer;  // the address that its connection comes from
};

/// A service over RPC for one caller. Requires: there is one of this name. Borrows `site`, the
/// main loop's.
capnp::Capability::Client guarded_service(Site& site,
                                          std::string_view name,
                                          const RpcVisitor& visitor);

/// Adds the methods of all services, their references and schemas. Borrows all, on one thread, but
/// for the readers, which all threads share.
void add_service_routes(http::RouteTable& routes,
                        Site& site,
                        metrics::Registry& registry,
                        api::BodyReaders& bodies);

}  // namespace troupe::server
