#include "runtime/http/service.h"

#include "runtime/base/assert.h"
#include "runtime/process/log.h"
#include "runtime/rpc/errors.h"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::http {

/// One request on its way: kept alive until its response is written.
struct Exchange {
  Request request;
  bool head = false;
  bool last = false;       // its response ends the connection
  bool body_read = false;  // to its end
  const Handler* handler = nullptr;
  std::vector<char> buffer;
  http::Response response;
};

namespace {

std::string to_std(kj::StringPtr text) {
  return {text.begin(), text.size()};
}

Response bad_request(unsigned status, const std::string& why) {
  auto out = error_response(Error{Errc::invalid, why});
  out.status = status;
  return out;
}

/// What a handler's failure answers; ours are logged, with the place for those who look for it.
Response failure_response(const Request& request, const kj::Exception& exception) {
  const auto error = error_from(exception);
  if (error.code == Errc::internal || error.code == Errc::corrupt) {
    log_event(LogLevel::error, "http_handler_failed",
              {{"method", request.method}, {"path", request.path}, {"error", error.detail}});
  }
  return error_response(error);
}

/// Splits `/path?query`, or `http://host/path?query`; false if it is neither.
bool read_target(kj::StringPtr url, Request& request) {
  std::string_view target{url.begin(), url.size()};
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const auto slash = target.find_first_of("/?", scheme.size());
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
    break;
  }
  target = target.substr(0, target.find('#'));
  if (!target.starts_with('/')) return false;
  const auto question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string_view::npos) request.query = target.substr(question + 1);
  return true;
}

void read_headers(const kj::HttpHeaders& headers, Request& request) {
  headers.forEach([&request](kj::StringPtr name, kj::StringPtr value) {
    std::string key = to_std(name);
    std::transform(key.begin(), key.end(), key.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    auto& kept = request.headers[key];
    if (!kept.empty()) kept += ", ";
    kept += to_std(value);
  });
}

/// Whether a header's list, such as `keep-alive, Close`, holds `close`.
bool holds_close(kj::StringPtr list) {
  constexpr std::string_view wanted = "close";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  std::string_view rest{list.begin(), list.size()};
  for (;;) {
    auto item = rest.substr(0, rest.find(','));
    const std::size_t taken = item.size();
    item.remove_prefix(std::min(item.find_first_not_of(" \t"), item.size()));
    item = item.substr(0, item.find_last_not_of(" \t") + 1);
    if (std::equal(item.begin(), item.end(), wanted.begin(), wanted.end(), same)) return true;
    if (taken == rest.size()) return false;
    rest.remove_prefix(taken + 1);
  }
}

kj::Promise<void> write_response(const ServiceParts& parts,
                                 Exchange& exchange,
                                 kj::HttpService::Response& out) {
  const auto& response = exchange.response;
  kj::HttpHeaders headers(parts.table);
  if (!response.body.empty()) {
    headers.set(kj::HttpHeaderId::CONTENT_TYPE, kj::heapString(response.content_type.c_str()));
  }
  for (const auto& [name, value] : response.headers) {
    headers.add(kj::heapString(name.c_str()), kj::heapString(value.c_str()));
  }
  parts.last_response.set(exchange.last);
  auto stream = out.send(response.status, status_text(response.status), headers,
                         std::uint64_t{response.body.size()});
  if (exchange.head || response.body.empty()) return kj::READY_NOW;
  auto written = stream->write(response.body.data(), response.body.size());
  return written.attach(kj::mv(stream));
}

}  // namespace

kj::Promise<void> RouteService::request(kj::HttpMethod method,
                                        kj::StringPtr url,
                                        const kj::HttpHeaders& headers,
                                        kj::AsyncInputStream& body,
                                        kj::HttpService::Response& response) {
  auto owned = kj::heap<Exchange>();
  auto& exchange = *owned;
  auto& request = exchange.request;
  exchange.head = method == kj::HttpMethod::HEAD;
  exchange.last = is_last(headers);
  exchange.body_read = body.tryGetLength().orDefault(1) == 0;
  request.method = exchange.head ? "GET" : to_std(kj::str(method));
  if (!read_target(url, request)) {
    exchange.response = bad_request(400, "the request's target must be a path");
    return send(exchange, response).attach(kj::mv(owned));
  }
  auto match = parts_.routes.match(request.method, request.path);
  if (!match) {
    exchange.response = not_found_response();
    return send(exchange, response).attach(kj::mv(owned));
  }
  exchange.handler = match->handler;
  request.parameters = std::move(match->parameters);
  read_headers(headers, request);
  return read_body(body, exchange)
      .then([this, &exchange, &response](BodyOutcome outcome) {
        return answer(outcome, exchange, response);
      })
      .attach(kj::mv(owned));
}

bool RouteService::is_last(const kj::HttpHeaders& headers) const {
  if (connection_.is_http_1_0()) return true;
  KJ_IF_MAYBE (list, headers.get(kj::HttpHeaderId::CONNECTION)) {
    return holds_close(*list);
  }
  return false;
}

kj::Promise<RouteService::BodyOutcome> RouteService::read_body(kj::AsyncInputStream& body,
                                                               Exchange& exchange) {
  KJ_IF_MAYBE (length, body.tryGetLength()) {
    if (*length > parts_.limits.body_bytes_max) return BodyOutcome::too_large;
    exchange.request.body.reserve(*length);
  }
  constexpr std::size_t chunk_bytes = 64 * 1024;
  exchange.buffer.resize(chunk_bytes);
  auto late = parts_.timer.afterDelay(to_kj(parts_.limits.body_time_max)).then([] {
    return BodyOutcome::too_slow;
  });
  return read_rest(body, exchange).exclusiveJoin(kj::mv(late));
}

kj::Promise<RouteService::BodyOutcome> RouteService::read_rest(kj::AsyncInputStream& body,
                                                               Exchange& exchange) {
  auto& buffer = exchange.buffer;
  return body.tryRead(buffer.data(), 1, buffer.size())
      .then([this, &body, &exchange](std::size_t n) -> kj::Promise<BodyOutcome> {
        if (n == 0) {
          exchange.body_read = true;
          return BodyOutcome::whole;
        }
        auto& text = exchange.request.body;
        if (n > parts_.limits.body_bytes_max - text.size()) return BodyOutcome::too_large;
        text.append(exchange.buffer.data(), n);
        return read_rest(body, exchange);
      });
}

kj::Promise<void> RouteService::answer(BodyOutcome outcome,
                                       Exchange& exchange,
                                       kj::HttpService::Response& out) {
  exchange.buffer = {};
  if (outcome == BodyOutcome::too_large) {
    exchange.response = error_response(
        {Errc::too_large, "the body has more than " + std::to_string(parts_.limits.body_bytes_max) +
                              " bytes, the most that is taken"});
    return send(exchange, out);
  }
  if (outcome == BodyOutcome::too_slow) {
    exchange.response = bad_request(408, "the body did not arrive in time");
    return send(exchange, out);
  }
  return kj::evalNow([&exchange] { return (*exchange.handler)(exchange.request); })
      .then([&exchange](http::Response&& made) { exchange.response = std::move(made); },
            [&exchange](kj::Exception&& exception) {
              exchange.response = failure_response(exchange.request, exception);
            })
      .then([this, &exchange, &out] { return send(exchange, out); });
}

kj::Promise<void> RouteService::send(Exchange& exchange, kj::HttpService::Response& out) {
  // Of a body that nobody reads kj itself takes a little, so that the peer gets to read the
  // response.
  if (exchange.last && exchange.body_read) connection_.end_requests();
  return parts_.timer.timeoutAfter(to_kj(parts_.limits.response_time_max),
                                   write_response(parts_, exchange, out));
}

kj::Promise<void> ProtocolErrors::handleClientProtocolError(kj::HttpHeaders::ProtocolError error,
                                                            kj::HttpService::Response& response) {
  // kj reads the first word as a method and finds it unknown: noise is no request at all.
  const std::string_view raw{error.rawContent.begin(), error.rawContent.size()};
  const bool request = raw.find("HTTP/1.") != std::string_view::npos;
  auto exchange = kj::heap<Exchange>();
  exchange->response = bad_request(request ? error.statusCode : 400, to_std(error.description));
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
    auto exchange = kj::heap<Exchange>();
    exchange->response = error_response(error_from(exception));
    auto written = write_response(parts_, *exchange, *response);
    return written.attach(kj::mv(exchange));
  }
  return kj::READY_NOW;
}

}  // namespace troupe::http
