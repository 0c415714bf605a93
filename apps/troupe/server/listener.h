// Accepts RPC connections and serves each until it ends, however it ends.
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/tls/tls.h"

#include <kj/async-io.h>

#include <memory>
#include <string>

namespace troupe::server {

class RpcListener {
 public:
  virtual ~RpcListener() noexcept(false) = default;
  virtual void listen(kj::Own<kj::ConnectionReceiver> port) = 0;
  /// TCP connections from now on have TLS with this; sockets never do.
  virtual void use_tls(const TlsMaterial& tls) = 0;
  /// Connections open now.
  virtual std::size_t connections() const = 0;
};

/// Borrows the main loop's site, which has figures. Of `connections_max` at most 2,048 are of peers
/// that have not proven who they are.
std::unique_ptr<RpcListener> make_rpc_listener(Site& site, std::size_t connections_max);

}  // namespace troupe::server
