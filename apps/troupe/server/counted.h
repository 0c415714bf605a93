// Capabilities that an answer carries, such as a claim: whoever has one may use it, so nobody
// checks its calls as those of services. They are counted as those are.
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/api/service.h"

#include <capnp/capability.h>

#include <string>
#include <utility>

namespace troupe::server {

/// The methods of an interface that is no service of its own; figures have `name` as its service.
api::Service counted_methods(capnp::InterfaceSchema schema, const std::string& name);

/// Hands each call on to `inner`, and counts it by its method and by how it ends. Borrows
/// `methods`, for the life of the process, and `site`, the main loop's.
capnp::Capability::Client count_calls(kj::Own<capnp::Capability::Server> inner,
                                      const api::Service& methods,
                                      Site& site);

/// The same for a server of `Interface`, counted under `name`.
template <class Interface>
typename Interface::Client counted(kj::Own<typename Interface::Server> inner,
                                   const char* name,
                                   Site& site) {
  static const api::Service methods = counted_methods(capnp::Schema::from<Interface>(), name);
  return count_calls(kj::mv(inner), methods, site).template castAs<Interface>();
}

}  // namespace troupe::server
