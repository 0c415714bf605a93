// A WebSocket that a request has become: text messages to the peer, whose own are not wanted.
#pragma once

#include "runtime/http/request_stream.h"

#include <kj/async.h>
#include <kj/compat/http.h>
#include <kj/memory.h>
#include <kj/timer.h>

#include <cstdint>
#include <string>

namespace troupe::http {

/// Thread: that of its connection's loop.
class Socket {
 public:
  virtual ~Socket() noexcept(false) = default;

  /// Resolves when the connection has taken all of it. One at a time; to give it up is to end the
  /// socket.
  virtual kj::Promise<void> send(std::string text) = 0;

  /// Asks whether the peer is there. Rejected if it has sent nothing since the last two.
  virtual kj::Promise<void> ping() = 0;

  /// The last message, behind any other; at most 123 bytes of `reason`. Waits a moment for the
  /// peer's own.
  virtual kj::Promise<void> close(std::uint16_t code, std::string reason) = 0;

  /// Resolves when the peer has closed it, or is gone.
  virtual kj::Promise<void> ended() = 0;
};

/// Borrows the connection and the timer.
kj::Own<Socket> make_socket(kj::Own<kj::WebSocket> socket,
                            RequestStream& connection,
                            kj::Timer& timer);

}  // namespace troupe::http
