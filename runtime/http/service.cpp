#include "runtime/http/service.h"

#include "runtime/base/assert.h"
#include "runtime/base/random.h"
#include "runtime/http/reply.h"
#include "runtime/http/response_headers.h"
#include "runtime/http/socket.h"
#include "runtime/process/log.h"
#include "runtime/rpc/errors.h"

#include <kj/debug.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::http {

/// Counts one request while it lives: from when the whole of it is here, as until then it is the
/// peer that is waited for.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  std::size_t& count_;
};

/// One request on its way: kept alive until its response is written.
struct Exchange {
  explicit Exchange(const ServiceParts& parts) : body(request, parts.limits.body_bytes_max) {}

  std::optional<Counted> counted;
  Request request;
  RequestBody body;
  bool last = false;       // its response ends the connection
  bool continues = false;  // the peer has to be told to send its body
  bool body_read = false;  // to its end
  std::optional<std::uint64_t> length;
  const Handler* handler = nullptr;               // null: the response is here already, or
  const StreamHandler* stream_handler = nullptr;  // this one makes it, with
  kj::Own<BodyReader> reader;
  const Refuser* refuser = nullptr;  // of the route; null: none
  std::vector<char> buffer;
  http::Response response;
};

namespace {

constexpr std::size_t chunk_bytes = std::size_t{16} << 10;

std::string to_std(kj::StringPtr text) {
  return {text.begin(), text.size()};
}

Error error_of(const Refusal& refusal) {
  if (refusal.status == 413) return {Errc::too_large, refusal.why};
  if (refusal.status == 503) return {Errc::busy, refusal.why};
  return {Errc::invalid, refusal.why};
}

Response refusal_response(const Refusal& refusal) {
  auto out = error_response(error_of(refusal));
  out.status = refusal.status;
  return out;
}

/// The same in the words of its route, if it has got as far as that.
void refuse(Exchange& exchange, const Refusal& refusal) {
  exchange.handler = nullptr;
  exchange.response =
      exchange.refuser == nullptr
          ? refusal_response(refusal)
          : (*exchange.refuser)(exchange.request, error_of(refusal), refusal.status);
}

Refusal too_many_requests() {
  return {503, "too many requests are under way: try again later"};
}

/// What a handler's failure answers; ours are logged, with the place for those who look for it.
Response failure_response(const Request& request, const kj::Exception& exception) {
  const auto error = error_from(exception);
  if (error.code == Errc::internal || error.code == Errc::corrupt) {
    log_event(LogLevel::error, "http_handler_failed",
              {{"method", request.verb},
               {"path", request.path},
               {"request_id", request.request_id},
               {"error", error.detail}});
  }
  return error_response(error);
}

/// Splits `/path?query`, or `http://host/path?query`; false if it is neither.
bool read_target(Request& request) {
  std::string_view target = request.target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const auto slash = target.find_first_of("/?", scheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
    request.target = std::string(target);
    target = request.target;
    break;
  }
  target = target.substr(0, target.find('#'));
  if (!target.starts_with('/')) return false;
  const auto question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  return true;
}

/// What a request without a route gets. Source: spec/api-framework.md, "Routing rules".
Response unmatched_response(const RouteTable& routes,
                            const Request& request,
                            Match::Outcome outcome) {
  if (outcome == Match::Outcome::bad_encoding) {
    return error_response({Errc::invalid,
                           "the path holds a percent sign that is not followed by two hexadecimal "
                           "digits"});
  }
  if (request.method != "OPTIONS") return not_found_response();
  std::string allowed;
  for (const auto method : routes.methods_of(request.path)) {
    if (!allowed.empty()) allowed += ", ";
    allowed += method;
  }
  if (allowed.empty()) return not_found_response();
  Response out;
  out.content_type = "text/plain; charset=utf-8";
  out.headers.emplace_back("allow", allowed);
  out.body = std::move(allowed);
  return out;
}

bool has_body(const Exchange& exchange) {
  return !exchange.request.is_head() && !exchange.response.body.empty();
}

// Adds what every response has: from here on it is as it will be sent.
void complete(Exchange& exchange) {
  auto& request = exchange.request;
  if (request.request_id.empty()) request.request_id = new_uuid();
  if (request.trace_id.empty()) request.trace_id = new_uuid();
  complete_response(request, exchange.response);
}

kj::Promise<void> write_response(const ServiceParts& parts,
                                 Exchange& exchange,
                                 kj::HttpService::Response& out) {
  const auto& request = exchange.request;
  const auto& response = exchange.response;
  const std::uint64_t length = response.stream ? response.stream->length() : response.body.size();
  const std::string length_text = std::to_string(length);
  auto headers = headers_of(request.path, response);
  // kj leaves out a length of 0 in answers to HEAD unless it is told.
  const bool bodiless = response.status == 204 || response.status == 304;
  if (request.is_head() && !bodiless) {
    headers.set(kj::HttpHeaderId::CONTENT_LENGTH, length_text.c_str());
  }
  parts.last_response.set(exchange.last);
  // The headers are serialised at once.
  auto stream = out.send(response.status, status_text(response.status), headers, length);
  if (request.is_head() || length == 0) return kj::READY_NOW;
  if (response.stream) {
    auto paced = limit_pace(kj::mv(stream), parts.timer, to_kj(parts.limits.response_time_max));
    auto streamed = response.stream->write_to(*paced);
    return streamed.attach(kj::mv(paced));
  }
  auto written = stream->write(response.body.data(), response.body.size());
  return written.attach(kj::mv(stream));
}

/// Of one request. Borrows all: they live as long as it.
class ArrivingBody final : public BodyReader {
 public:
  ArrivingBody(const ServiceParts& parts,
               RequestStream& connection,
               kj::AsyncInputStream& body,
               Exchange& exchange)
      : parts_(parts), connection_(connection), body_(body), exchange_(exchange) {}

  std::optional<std::uint64_t> length() const override { return exchange_.length; }

  kj::Promise<std::size_t> read(std::span<char> out) override {
    if (exchange_.body_read) return std::size_t{0};
    kj::Promise<void> told = kj::READY_NOW;
    // A peer that waits for our word sends a body that nobody wants only then.
    if (std::exchange(exchange_.continues, false)) told = connection_.write_continue();
    auto late = parts_.timer.afterDelay(to_kj(parts_.limits.body_time_max))
                    .then([this]() -> kj::Promise<std::size_t> {
                      refusal_ = Refusal{408, "the body did not go on arriving in time"};
                      return KJ_EXCEPTION(FAILED, "the peer's body is late");
                    });
    return told.then([this, out] { return body_.tryRead(out.data(), 1, out.size()); })
        .exclusiveJoin(kj::mv(late))
        .then(
            [this](std::size_t n) {
              exchange_.body_read = n == 0;
              return n;
            },
            [this](kj::Exception&& exception) -> std::size_t {
              const auto& refused = connection_.refusal();
              if (refused) refusal_ = refused;
              is_cut_ = !refusal_;
              exchange_.last = exchange_.body_read = true;  // the rest of it cannot be found
              kj::throwFatalException(kj::mv(exception));
            });
  }

  /// Why the body is not what its head said.
  const std::optional<Refusal>& refusal() const { return refusal_; }
  /// Whether the peer went away in the middle.
  bool is_cut() const { return is_cut_; }

 private:
  const ServiceParts& parts_;
  RequestStream& connection_;
  kj::AsyncInputStream& body_;
  Exchange& exchange_;
  std::optional<Refusal> refusal_;
  bool is_cut_ = false;
};

}  // namespace

void RouteService::prepare(RequestHead head, Exchange& exchange) {
  auto& request = exchange.request;
  const auto& peer = connection_.peer();
  exchange.last = head.is_last;
  exchange.continues = head.expects_continue;
  request.verb = std::move(head.verb);
  request.method = request.verb == "HEAD" ? "GET" : request.verb;
  request.target = std::move(head.target);
  request.headers = std::move(head.headers);
  request.host = request.header("host");
  request.peer = peer.address;
  request.is_tls = peer.is_tls;
  request.peer_gone = [this] { return connection_.when_peer_gone(); };
  request.begin_waiting = [&exchange] { exchange.counted.reset(); };
  request.request_id = new_uuid();
  request.trace_id = trace_id_of(request.header("x-taskcluster-trace-id"));
  request.wants_socket = head.wants_socket;
  request.has_body_header = head.body != RequestHead::Body::none;
  if (head.body != RequestHead::Body::chunked) exchange.length = head.length;
  exchange.body_read = exchange.length == 0;
  if (!read_target(request)) {
    exchange.response = refusal_response({400, "the request's target must be a path"});
    return;
  }
  auto match = parts_.routes.match(request.method, request.path);
  if (!match) {
    exchange.response = unmatched_response(parts_.routes, request, match.outcome);
    return;
  }
  request.route = match.route;
  request.parameters = std::move(match.parameters);
  if (match.stream_handler != nullptr) {
    if (is_full()) return refuse(exchange, too_many_requests());
    exchange.stream_handler = match.stream_handler;
    return;
  }
  exchange.handler = match.handler;
  exchange.refuser = match.refuser;
  if (is_full()) return refuse(exchange, too_many_requests());
  if (const auto refused = exchange.body.begin(exchange.length)) refuse(exchange, *refused);
}

kj::Promise<void> RouteService::request(kj::HttpMethod,
                                        kj::StringPtr,
                                        const kj::HttpHeaders&,
                                        kj::AsyncInputStream& body,
                                        kj::HttpService::Response& response) {
  auto owned = kj::heap<Exchange>(parts_);
  auto& exchange = *owned;
  if (const auto& refused = connection_.refusal()) {
    exchange.response = refusal_response(*refused);
    exchange.last = exchange.body_read = true;
    return send(exchange, response).attach(kj::mv(owned));
  }
  prepare(connection_.take_head(), exchange);
  if (exchange.stream_handler != nullptr) {
    return stream(body, exchange, response).attach(kj::mv(owned));
  }
  if (exchange.handler == nullptr) return send(exchange, response).attach(kj::mv(owned));
  if (exchange.body_read) {
    return answer(exchange.body.finish(), exchange, response).attach(kj::mv(owned));
  }
  return read_body(body, exchange)
      .then([this, &exchange, &response](MaybeRefusal refused) {
        return answer(std::move(refused), exchange, response);
      })
      .attach(kj::mv(owned));
}

kj::Promise<RouteService::MaybeRefusal> RouteService::read_body(kj::AsyncInputStream& body,
                                                                Exchange& exchange) {
  exchange.buffer.resize(chunk_bytes);
  auto late =
      parts_.timer.afterDelay(to_kj(parts_.limits.body_time_max)).then([]() -> MaybeRefusal {
        return Refusal{408, "the body did not arrive in time"};
      });
  kj::Promise<void> told = kj::READY_NOW;
  if (exchange.continues) told = connection_.write_continue();
  return told.then([this, &body, &exchange] { return read_rest(body, exchange); })
      .catch_([this, &exchange](kj::Exception&& exception) -> MaybeRefusal {
        const auto& refused = connection_.refusal();
        if (!refused) kj::throwFatalException(kj::mv(exception));
        exchange.last = exchange.body_read = true;  // the rest of it cannot be found
        return *refused;
      })
      .exclusiveJoin(kj::mv(late));
}

kj::Promise<RouteService::MaybeRefusal> RouteService::read_rest(kj::AsyncInputStream& body,
                                                                Exchange& exchange) {
  auto& buffer = exchange.buffer;
  return body.tryRead(buffer.data(), 1, buffer.size())
      .then([this, &body, &exchange](std::size_t n) -> kj::Promise<MaybeRefusal> {
        if (n == 0) {
          exchange.body_read = true;
          return exchange.body.finish();
        }
        if (auto refused = exchange.body.feed({exchange.buffer.data(), n})) return refused;
        return read_rest(body, exchange);
      });
}

kj::Promise<void> RouteService::answer(MaybeRefusal refused,
                                       Exchange& exchange,
                                       kj::HttpService::Response& out) {
  exchange.buffer = {};
  if (!refused && is_full()) refused = too_many_requests();
  if (refused) {
    refuse(exchange, *refused);
    return send(exchange, out);
  }
  exchange.counted.emplace(parts_.requests);
  return kj::evalNow([&exchange] { return (*exchange.handler)(exchange.request); })
      .then(
          [this, &exchange, &out](http::Response&& made) {
            exchange.response = std::move(made);
            return send(exchange, out);
          },
          [this, &exchange, &out](kj::Exception&& exception) {
            exchange.response = failure_response(exchange.request, exception);
            return send(exchange, out);
          });
}

kj::Promise<void> RouteService::stream(kj::AsyncInputStream& body,
                                       Exchange& exchange,
                                       kj::HttpService::Response& out) {
  auto reader = kj::heap<ArrivingBody>(parts_, connection_, body, exchange);
  const auto& arriving = *reader;
  exchange.reader = kj::mv(reader);
  exchange.counted.emplace(parts_.requests);
  return kj::evalNow(
             [&exchange] { return (*exchange.stream_handler)(exchange.request, *exchange.reader); })
      .then([&exchange](http::Response&& made) { exchange.response = std::move(made); },
            [&exchange, &arriving](kj::Exception&& exception) {
              if (const auto& refused = arriving.refusal()) {
                exchange.response = refusal_response(*refused);
                return;
              }
              // The peer is gone: there is nobody to tell.
              if (arriving.is_cut()) kj::throwFatalException(kj::mv(exception));
              exchange.response = failure_response(exchange.request, exception);
            })
      .then([this, &exchange, &out] { return send(exchange, out); });
}

kj::Promise<void> RouteService::send(Exchange& exchange, kj::HttpService::Response& out) {
  if (exchange.response.socket) return serve_socket(exchange, out);
  exchange.last = exchange.last || parts_.draining;
  // Of a body that nobody reads kj itself takes a little behind this, so that the peer gets to read
  // the response.
  if (exchange.last) connection_.end_requests();
  complete(exchange);
  if (has_body(exchange)) connection_.join_next_writes();
  auto written = write_response(parts_, exchange, out);
  // One that streams has a limit for each piece.
  if (exchange.response.stream) return written;
  return parts_.timer.timeoutAfter(to_kj(parts_.limits.response_time_max), kj::mv(written));
}

// kj wants its socket to be gone before the promise settles.
kj::Promise<void> RouteService::serve_socket(Exchange& exchange, kj::HttpService::Response& out) {
  static const kj::HttpHeaderTable table;
  TROUPE_EXPECTS(exchange.request.wants_socket);
  exchange.counted.reset();  // as quiet as it may be for long
  connection_.become_socket();
  auto socket = make_socket(out.acceptWebSocket(kj::HttpHeaders(table)), connection_, parts_.timer);
  auto& open = *socket;
  return exchange.response.socket(open)
      .catch_([](kj::Exception&& exception) {
        log_event(LogLevel::debug, "http_socket_failed",
                  {{"error", to_std(exception.getDescription())}});
      })
      .attach(kj::mv(socket))
      .then([] {});
}

// kj reads only what we made for it: this is for what it may find all the same.
kj::Promise<void> ProtocolErrors::handleClientProtocolError(kj::HttpHeaders::ProtocolError error,
                                                            kj::HttpService::Response& response) {
  auto exchange = kj::heap<Exchange>(parts_);
  exchange->response = refusal_response({400, to_std(error.description)});
  complete(*exchange);
  auto written = write_response(parts_, *exchange, response);
  return written.attach(kj::mv(exchange));
}

kj::Promise<void> ProtocolErrors::handleApplicationError(
    kj::Exception exception, kj::Maybe<kj::HttpService::Response&> out) {
  // The peer went away, or was too slow to take the response: mostly there is nobody to tell.
  log_event(LogLevel::debug, "http_exchange_failed",
            {{"error", to_std(exception.getDescription())}});
  KJ_IF_MAYBE (response, out) {
    if (exception.getType() == kj::Exception::Type::DISCONNECTED) return kj::READY_NOW;
    auto exchange = kj::heap<Exchange>(parts_);
    exchange->response = error_response(error_from(exception));
    complete(*exchange);
    auto written = write_response(parts_, *exchange, *response);
    return written.attach(kj::mv(exchange));
  }
  return kj::READY_NOW;
}

}  // namespace troupe::http
