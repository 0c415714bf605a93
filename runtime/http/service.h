// Answers requests from a route table, one exchange at a time, within limits.
#pragma once

#include "runtime/http/request_body.h"
#include "runtime/http/request_stream.h"
#include "runtime/http/router.h"
#include "runtime/http/server.h"

#include <kj/compat/http.h>

#include <cstddef>
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
  const ServerOptions& limits;
  LastResponse& last_response;
  const bool& draining;   // responses from now on are their connections' last
  std::size_t& requests;  // under way now: those that are here with all their body
};

/// One connection's. Thread: one KJ event loop. Borrows all: they outlive it.
class RouteService final : public kj::HttpService {
 public:
  RouteService(const ServiceParts& parts, RequestStream& connection)
      : parts_(parts), connection_(connection) {}

  /// Method, target and headers are the canonical ones; the true ones come from the connection.
  kj::Promise<void> request(kj::HttpMethod method,
                            kj::StringPtr url,
                            const kj::HttpHeaders& headers,
                            kj::AsyncInputStream& body,
                            kj::HttpService::Response& response) override;

 private:
  using MaybeRefusal = std::optional<Refusal>;

  bool is_full() const { return parts_.requests >= parts_.limits.requests_max; }

  /// Decides what can be without the body: the response, or the handler.
  void prepare(RequestHead head, Exchange& exchange);
  kj::Promise<MaybeRefusal> read_body(kj::AsyncInputStream& body, Exchange& exchange);
  kj::Promise<MaybeRefusal> read_rest(kj::AsyncInputStream& body, Exchange& exchange);
  kj::Promise<void> answer(MaybeRefusal refused,
                           Exchange& exchange,
                           kj::HttpService::Response& out);
  /// Lets the handler read the body by itself.
  kj::Promise<void> stream(kj::AsyncInputStream& body,
                           Exchange& exchange,
                           kj::HttpService::Response& out);
  kj::Promise<void> send(Exchange& exchange, kj::HttpService::Response& out);
  kj::Promise<void> serve_socket(Exchange& exchange, kj::HttpService::Response& out);

  const ServiceParts& parts_;
  RequestStream& connection_;
};

/// What failures past the handlers get: JSON, and nothing of our inside.
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
