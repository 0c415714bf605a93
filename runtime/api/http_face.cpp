#include "runtime/api/http_face.h"

#include "runtime/api/error_body.h"
#include "runtime/api/local_context.h"
#include "runtime/base/random.h"
#include "runtime/hawk/mac.h"
#include "runtime/process/log.h"
#include "runtime/rpc/errors.h"
#include "runtime/transcode/json.h"
#include "runtime/transcode/tape.h"

#include <optional>
#include <string_view>
#include <utility>

namespace troupe::api {
namespace {

void require(const Status& status) {
  if (!status.ok()) throw_error(status.error());
}

/// What became of a body.
struct BodyOutcome {
  Status parsed = Status(Done{});  // told at once
  Status filled = Status(Done{});  // told when its turn comes
};

/// Reads a body into the parameters; what is no JSON is refused there, too.
BodyOutcome read_body(const Method& method,
                      std::string_view body,
                      const std::string& root_url,
                      capnp::DynamicStruct::Builder params) {
  const auto failed = [](std::string_view why) {
    return BodyOutcome{.parsed =
                           Error{Errc::malformed, "Failed to parse JSON: " + std::string(why)}};
  };
  const std::string_view text = body.empty() ? std::string_view("{}") : body;
  std::string problem;
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool container =
      first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
  if (method.body && container) {
    auto filled = fill_body(method, text, schema_url(root_url, method, method.input), params);
    if (!filled.ok() && filled.error().code == Errc::malformed) {
      return failed(filled.error().detail);
    }
    return {.filled = std::move(filled)};
  }
  if (!transcode::is_json(text, problem)) return failed(problem);
  if (!container) return failed("Must be an object or array");
  return {};
}

/// A large body on its way to another thread and back, with what it is read into.
struct Reading {
  std::string body;
  kj::Own<LocalContext> context;
  BodyOutcome outcome = {};
  std::string hash = {};  // as callers sign it; empty: this one has not
};

/// One call on its way: kept alive until its answer is made.
class HttpCall {
 public:
  HttpCall(const HttpFace& face, const Method& method, http::Request& request)
      : face_(face), method_(method), request_(request), begun_(face.clock.elapsed()) {
    for (const auto& [name, value] : request.parameters) route_.emplace_back(name, value);
    if (is_json_type(request.header("content-type"))) body_ = request.body;
    exchange_.body = body_;
    exchange_.peer_gone = request.peer_gone;
    exchange_.begin_waiting = request.begin_waiting;
  }

  kj::Promise<http::Response> run();

 private:
  bool is_large() const { return body_.size() >= BodyReaders::bytes_min; }
  kj::Promise<void> read_elsewhere();
  kj::Promise<void> serve();
  void check();
  void check_body_header() const;
  http::Response success();
  kj::Promise<http::Response> failure(const kj::Exception& exception);
  void report(unsigned status, std::string_view fault = {});

  const HttpFace& face_;
  const Method& method_;
  http::Request& request_;
  const Duration begun_;
  NamedTexts route_;
  std::string_view body_;   // only JSON counts
  BodyOutcome outcome_;     // of that
  bool is_read_ = false;    // it is there
  bool is_filled_ = false;  // the turn of its faults has come
  std::unique_ptr<Caller> caller_;
  HttpExchange exchange_;
  std::optional<Call> call_;
  kj::Own<LocalContext> context_;
};

kj::Promise<http::Response> HttpCall::run() {
  return kj::evalNow([this] {
           context_ = kj::refcounted<LocalContext>(method_);
           caller_ = face_.caller_of(request_);
           call_.emplace(method_, *caller_, &exchange_);
           if (is_large()) exchange_.body = {};  // it is read elsewhere
           if (is_large()) return read_elsewhere().then([this] { return serve(); });
           outcome_ = read_body(method_, body_, face_.root_url, context_->params());
           is_read_ = true;
           return serve();
         })
      .then([this]() -> kj::Promise<http::Response> { return success(); },
            [this](kj::Exception&& exception) { return failure(exception); });
}

// The caller may go meanwhile, and this call with it: what the other thread uses goes there.
kj::Promise<void> HttpCall::read_elsewhere() {
  body_ = {};
  const bool is_signed = request_.header("authorization").find("hash=") != std::string_view::npos;
  return face_.bodies
      .read([&method = method_, root_url = face_.root_url, is_signed,
             type = std::string(request_.header("content-type")),
             reading = Reading{std::move(request_.body), kj::mv(context_)}]() mutable {
        reading.outcome = read_body(method, reading.body, root_url, reading.context->params());
        if (is_signed) reading.hash = hawk::payload_hash(type, reading.body);
        return kj::mv(reading);
      })
      .then([this](Reading&& reading) {
        request_.body = std::move(reading.body);
        request_.body_hash = std::move(reading.hash);
        context_ = kj::mv(reading.context);
        body_ = request_.body;
        outcome_ = std::move(reading.outcome);
        is_read_ = true;
      });
}

kj::Promise<void> HttpCall::serve() {
  check();
  return serve_call(*call_, face_.serve, context_->context());
}

// The order decides which error a caller sees. Source: spec/api-framework.md, "Processing order".
void HttpCall::check() {
  require(outcome_.parsed);
  if (method_.checked_first) call_->authorize(scope_values(method_, route_));
  require(fill_route(method_, route_, context_->params()));
  auto query = read_query(request_.query);
  if (!query.ok()) throw_error(query.error());
  require(fill_query(method_, query.value(), context_->params()));
  if (!method_.body) return;
  check_body_header();
  is_filled_ = true;
  require(outcome_.filled);
}

void HttpCall::check_body_header() const {
  const auto type = request_.header("content-type");
  if (request_.has_body_header && is_json_type(type)) return;
  throw_error({Errc::malformed,
               "Payload must be JSON with content-type: application/json got content-type: " +
                   (type.empty() ? "null" : std::string(type))});
}

http::Response HttpCall::success() {
  http::Response response;
  if (exchange_.status != 0) response.status = exchange_.status;
  for (auto& header : exchange_.headers) response.headers.push_back(std::move(header));
  if (exchange_.answer) {
    response.body = std::move(*exchange_.answer);
  } else if (method_.answers_nothing) {
    response.status = 204;
  } else if (method_.answer) {
    response.body = to_json(context_->results(), *method_.answer);
  } else {
    response.body = to_json(context_->results());
  }
  report(response.status);
  return response;
}

kj::Promise<http::Response> HttpCall::failure(const kj::Exception& exception) {
  const auto error = error_from(exception);
  const unsigned status = http::status_of(error.code);
  const std::string incident = new_uuid();
  if (status == 500) {
    log_event(LogLevel::error, "http_call_failed",
              {{"service", method_.service},
               {"method", method_.name},
               {"incident", incident},
               {"error", error.detail}});
  }
  report(status, error.detail);
  const Instant now = face_.clock.wall_now();
  if (!is_read_) return error_answer(error, {method_, route_, std::nullopt, now}, incident);
  if (!is_large()) {
    return error_answer(error, {method_, route_, body_, now, is_filled_, 0, face_.complete},
                        incident);
  }
  // To repeat a large body takes as long as to read it.
  return face_.bodies.follow_up([error, incident, &method = method_, route = route_, now,
                                 is_filled = is_filled_, body = std::move(request_.body),
                                 complete = face_.complete] {
    return error_answer(error, {method, route, body, now, is_filled, 0, complete}, incident);
  });
}

void HttpCall::report(unsigned status, std::string_view fault) {
  static const ScopeSet nothing;
  face_.report({method_, Face::http, request_.peer, status, face_.clock.elapsed() - begun_,
                call_ ? call_->known() : nullptr, call_ ? call_->used() : nothing, &request_,
                fault});
}

// What its method never gets to see is reported like its calls.
http::Response refuse(const HttpFace& face,
                      const Method& method,
                      const http::Request& request,
                      const Error& error,
                      unsigned status) {
  static const ScopeSet nothing;
  NamedTexts route;
  for (const auto& [name, value] : request.parameters) route.emplace_back(name, value);
  RequestInfo info{method, route, std::nullopt, face.clock.wall_now()};
  info.status = status;
  auto response = error_answer(error, info, {});
  face.report({method, Face::http, request.peer, status, Duration{0}, nullptr, nothing, &request,
               error.detail});
  return response;
}

}  // namespace

void add_routes(http::RouteTable& routes, HttpFace face) {
  const auto shared = std::make_shared<const HttpFace>(std::move(face));
  for (const Method& method : shared->service.methods) {
    if (method.route.empty()) continue;
    routes.add(
        method.verb, shared->service.prefix() + method.route,
        [shared, &method](http::Request& request) {
          auto call = kj::heap<HttpCall>(*shared, method, request);
          auto& running = *call;
          return running.run().attach(kj::mv(call));
        },
        [shared, &method](const http::Request& request, const Error& error, unsigned status) {
          return refuse(*shared, method, request, error, status);
        });
  }
}

std::string schema_url(const std::string& root_url, const Method& method, const std::string& name) {
  return root_url + "/schemas/" + method.service + "/v1/" + name + ".json#";
}

}  // namespace troupe::api
