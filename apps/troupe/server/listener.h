// Accepts RPC connections and serves each until it ends, however it ends.
#pragma once

#include "apps/troupe/server/site.h"

#include <kj/async-io.h>

#include <memory>
#include <string>

namespace troupe::server {

class RpcListener {
 public:
  virtual ~RpcListener() noexcept(false) = default;
  virtual void listen(kj::Own<kj::ConnectionReceiver> port) = 0;
  /// Connections open now.
  virtual std::size_t connections() const = 0;
};

/// Borrows `site`.
std::unique_ptr<RpcListener> make_rpc_listener(Site& site);

}  // namespace troupe::server
