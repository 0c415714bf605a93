// Bodies that nobody holds whole: a request's that its handler reads as it arrives, a response's
// that is written as its peer takes it.
#pragma once

#include "runtime/http/message.h"

#include <kj/async-io.h>
#include <kj/timer.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace troupe::http {

/// The body of a request as it is sent: no coding is undone, no limit but the handler's own. What
/// is not read is dropped with the request. Thread: that of the connection's event loop.
class BodyReader {
 public:
  virtual ~BodyReader() noexcept(false) = default;

  /// As the head announced it; nothing for a body in chunks. A body that has neither is empty.
  virtual std::optional<std::uint64_t> length() const = 0;

  /// Fills a part of `out`; 0 at the end. Rejected, and the request with it, if the peer sends
  /// nothing for too long, ends in the middle, or sends what is no body.
  virtual kj::Promise<std::size_t> read(std::span<char> out) = 0;
};

/// A body of known length that is made while it is sent.
class BodyWriter {
 public:
  virtual ~BodyWriter() noexcept(false) = default;

  virtual std::uint64_t length() const = 0;

  /// Writes all of it, a piece at a time. Its failure ends the connection.
  virtual kj::Promise<void> write_to(kj::AsyncOutputStream& out) = 0;
};

/// As `Handler`, of a request whose `body` stays empty. The reader lives as long as the request.
using StreamHandler = std::function<kj::Promise<Response>(const Request&, BodyReader& body)>;

/// `inner`, of which each piece has to be taken within `piece_time_max`. Borrows the timer.
kj::Own<kj::AsyncOutputStream> limit_pace(kj::Own<kj::AsyncOutputStream> inner,
                                          kj::Timer& timer,
                                          kj::Duration piece_time_max);

}  // namespace troupe::http
