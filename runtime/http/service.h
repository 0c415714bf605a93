// Answers requests from a route table, one exchange at a time, within limits.
#pragma once

#include "runtime/http/router.h"
#include "runtime/http/server.h"
#include "runtime/http/versioned_stream.h"

#include <kj/compat/http.h>

#include <cstdint>
#include <memory>

namespace troupe::http {

struct Exchange;

/// kj's question, as a response begins, whether the connection ends with it. It asks at once for
/// the response that is sent, so one answer for all connections is enough.
class LastResponse final : public kj::HttpServerCallbacks {
 public:
  void set(bool last) { last_ = last; }
  bool shouldClose() override { return last_; }

 private:
  bool last_ = false;
};

/// What all connections of a server share.
struct ServiceParts {
  kj::Timer& timer;
  const RouteTable& routes;
  const kj::HttpHeaderTable& table;
  const ServerOptions& limits;
  LastResponse& last_response;
};

/// One connection's. Thread: one KJ event loop. Borrows all: they outlive it.
class RouteService final : public kj::HttpService {
 public:
  RouteService(const ServiceParts& parts, VersionedStream& connection)
      : parts_(parts), connection_(connection) {}

  kj::Promise<void> request(kj::HttpMethod method,
                            kj::StringPtr url,
                            const kj::HttpHeaders& headers,
                            kj::AsyncInputStream& body,
                            kj::HttpService::Response& response) override;

 private:
  enum class BodyOutcome : std::uint8_t { whole, too_large, too_slow };

  bool is_last(const kj::HttpHeaders& headers) const;
  kj::Promise<BodyOutcome> read_body(kj::AsyncInputStream& body, Exchange& exchange);
  kj::Promise<BodyOutcome> read_rest(kj::AsyncInputStream& body, Exchange& exchange);
  kj::Promise<void> answer(BodyOutcome outcome, Exchange& exchange, kj::HttpService::Response& out);
  kj::Promise<void> send(Exchange& exchange, kj::HttpService::Response& out);

  const ServiceParts& parts_;
  VersionedStream& connection_;
};

/// What malformed requests get, and failures past the handlers: JSON, and nothing of our inside.
class ProtocolErrors final : public kj::HttpServerErrorHandler {
 public:
  explicit ProtocolErrors(const ServiceParts& parts) : parts_(parts) {}

  kj::Promise<void> handleClientProtocolError(kj::HttpHeaders::ProtocolError error,
                                              kj::HttpService::Response& response) override;
  kj::Promise<void> handleApplicationError(kj::Exception exception,
                                           kj::Maybe<kj::HttpService::Response&> out) override;

 private:
  const ServiceParts& parts_;
};

/// For kj's timers.
inline kj::Duration to_kj(Duration d) {
  return d.count() * kj::MILLISECONDS;
}

}  // namespace troupe::http
