// Answers requests from a route table, one exchange at a time, within limits.
#pragma once

#include "runtime/http/router.h"
#include "runtime/http/server.h"

#include <kj/compat/http.h>

#include <cstdint>
#include <memory>

namespace troupe::http {

struct Exchange;

/// Thread: one KJ event loop. Borrows all: they outlive it.
class RouteService final : public kj::HttpService {
 public:
  RouteService(kj::Timer& timer,
               const RouteTable& routes,
               const kj::HttpHeaderTable& table,
               const ServerOptions& limits)
      : timer_(timer), routes_(routes), table_(table), limits_(limits) {}

  kj::Promise<void> request(kj::HttpMethod method,
                            kj::StringPtr url,
                            const kj::HttpHeaders& headers,
                            kj::AsyncInputStream& body,
                            kj::HttpService::Response& response) override;

 private:
  enum class BodyOutcome : std::uint8_t { whole, too_large, too_slow };

  kj::Promise<BodyOutcome> read_body(kj::AsyncInputStream& body, Exchange& exchange);
  kj::Promise<BodyOutcome> read_rest(kj::AsyncInputStream& body, Exchange& exchange);
  kj::Promise<void> answer(BodyOutcome outcome, Exchange& exchange, kj::HttpService::Response& out);
  kj::Promise<void> send(Exchange& exchange, kj::HttpService::Response& out);

  kj::Timer& timer_;
  const RouteTable& routes_;
  const kj::HttpHeaderTable& table_;
  const ServerOptions& limits_;
};

/// What malformed requests get, and failures past the handlers: JSON, and nothing of our inside.
class ProtocolErrors final : public kj::HttpServerErrorHandler {
 public:
  explicit ProtocolErrors(const kj::HttpHeaderTable& table) : table_(table) {}

  kj::Promise<void> handleClientProtocolError(kj::HttpHeaders::ProtocolError error,
                                              kj::HttpService::Response& response) override;
  kj::Promise<void> handleApplicationError(kj::Exception exception,
                                           kj::Maybe<kj::HttpService::Response&> out) override;

 private:
  const kj::HttpHeaderTable& table_;
};

/// For kj's timers.
inline kj::Duration to_kj(Duration d) {
  return d.count() * kj::MILLISECONDS;
}

}  // namespace troupe::http
