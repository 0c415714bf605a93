// HTTP on threads of its own, beside the loop that RPC is on.
//
//   main loop: RPC, accepts HTTP ──► thread i: loop, Edge, Site, RouteTable, http::Server
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/base/time.h"
#include "runtime/http/router.h"
#include "runtime/tls/tls.h"

#include <kj/async-io.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace troupe::server {

/// Adds the routes of one thread, on that thread: handlers borrow `site`, which outlives the table,
/// and run there alone. What is added is the same on every thread, in the same order.
using MakeRoutes = std::function<void(http::RouteTable& routes, Site& site)>;

struct HttpEdgeOptions {
  std::size_t threads = 1;
  TlsMaterial tls;                  // empty: none
  std::size_t connections_max = 1;  // of all threads; who waits gives way to further ones
};

/// Thread: that of `main`'s loop; the counts may be asked from any.
class HttpEdge {
 public:
  virtual ~HttpEdge() = default;

  /// Accepts connections until `drain` or the end of *this.
  virtual void listen(kj::Own<kj::ConnectionReceiver> port) = 0;

  /// For connections from now on.
  virtual void use_tls(TlsMaterial tls) = 0;

  /// Connections that are open, and how many were ended so far to make room for others.
  virtual std::size_t connections() const = 0;
  virtual std::size_t ended() const = 0;

  /// Stops accepting, has those that wait answer, and lets requests under way end: for `grace` at
  /// most. Once.
  virtual kj::Promise<void> drain(Duration grace) = 0;
};

/// Starts the threads. Each has a site of its own: a copy of `main`, which is complete and outlives
/// the edge, but for the edge and the timer.
std::unique_ptr<HttpEdge> make_http_edge(Site& main,
                                         const HttpEdgeOptions& options,
                                         const MakeRoutes& make_routes);

/// So many threads as a configuration means: 0 is one a processor, at most 4.
std::size_t http_threads_of(std::size_t configured);

}  // namespace troupe::server
