// HTTP/1.1 over kj-http: reads a request within limits, asks the route table, writes the response.
// Runs on one KJ event loop.
#pragma once

#include "runtime/base/time.h"
#include "runtime/http/request_stream.h"
#include "runtime/http/router.h"

#include <kj/async-io.h>
#include <kj/async.h>
#include <kj/time.h>
#include <kj/timer.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace troupe::http {

struct ServerOptions {
  std::size_t body_bytes_max = std::size_t{10} << 20;  // a larger one is refused with 413
  std::size_t connections_max = 4096;                  // further ones wait to be accepted
  std::size_t requests_max = 2048;                     // under way; further ones get 503
  Duration header_time_max = std::chrono::seconds{15};
  Duration idle_time_max = std::chrono::seconds{90};      // between two requests
  Duration body_time_max = std::chrono::seconds{60};      // for the whole body, then 408
  Duration response_time_max = std::chrono::seconds{60};  // for a peer to take the response
};

/// A handler may take as long as it likes: a long poll sets its own limit. Malformed requests get
/// 400, those whose head is over its limits 431 (see request_head.h), and lose their connection. A
/// request of HTTP/1.0, or with `Connection: close`, is answered with that header, and its
/// connection ends. What all responses have besides what their handlers said: see reply.h.
class Server {
 public:
  virtual ~Server() = default;

  /// Accepts connections until `drain` or the end of *this. An accept that fails (no descriptors
  /// left) is tried again.
  virtual void listen(kj::Own<kj::ConnectionReceiver> port) = 0;

  /// Serves one connection until it ends; never rejects. Drop the promise before *this.
  virtual kj::Promise<void> serve(kj::Own<kj::AsyncIoStream> connection, Peer peer) = 0;

  /// Serves one connection until it or *this ends.
  virtual void take(kj::Own<kj::AsyncIoStream> connection, Peer peer) = 0;

  /// The same for one that has to be secured first; it counts, and waits, from now on.
  virtual void take_secured(kj::Promise<kj::Own<kj::AsyncIoStream>> connection, Peer peer) = 0;

  /// Ends a connection that waits for its peer; false if none does. See waiting.h for which.
  virtual bool make_room() = 0;

  /// Stops accepting, lets requests under way end, closes the connections; their responses say so.
  /// At most once. Whoever
  /// cannot wait for the promise destroys *this, which cuts them.
  virtual kj::Promise<void> drain() = 0;

  /// Connections open, and requests under way (all of their bodies is here), now.
  virtual std::size_t connections() const = 0;
  virtual std::size_t requests() const = 0;
};

/// Borrows both: they outlive the server.
std::unique_ptr<Server> make_server(kj::Timer& timer,
                                    const RouteTable& routes,
                                    ServerOptions options = {});

}  // namespace troupe::http
