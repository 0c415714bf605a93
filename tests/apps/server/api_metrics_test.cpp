// How calls of the API are counted, whichever way they come, and at which level they are logged.
#include "apps/troupe/server/api_metrics.h"

#include "apps/troupe/server/call_log.h"
#include "runtime/http/message.h"
#include "schema/api/auth.capnp.h"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

namespace troupe::server {
namespace {

struct Counted {
  metrics::Registry registry;
  ApiMetrics figures{registry};
  http::Request request;

  void call(api::Face face,
            unsigned status,
            const api::Credentials* who,
            std::string_view fault = {}) {
    static const api::Service auth = api::read_service(capnp::Schema::from<schema::Auth>());
    const auto* method = auth.find("listClients");
    REQUIRE(method != nullptr);
    const std::string peer = "192.0.2.1";
    const ScopeSet used;
    const bool is_http = face == api::Face::http;
    figures.count({*method, face, peer, status, Duration{12}, who, used,
                   is_http ? &request : nullptr, fault});
  }

  bool has(const std::string& line) const {
    return registry.render().find("\n" + line + "\n") != std::string::npos;
  }
};

api::Credentials proven_by(api::Scheme scheme, bool is_temporary = false) {
  const bool anonymous = scheme == api::Scheme::none;
  return {"somebody", {}, {}, anonymous, scheme, is_temporary};
}

TEST_CASE("calls are counted by their face, method and status", "[api_metrics]") {
  Counted c;
  const auto who = proven_by(api::Scheme::hawk);
  c.call(api::Face::http, 200, &who);
  c.call(api::Face::http, 403, &who);
  c.call(api::Face::rpc, 200, &who);
  c.call(api::Face::rpc, 200, &who);
  c.call(api::Face::rpc, 499, nullptr);
  const std::string names = R"(name="listClients",service="auth")";
  CHECK(c.has(R"(http_requests_total{method="GET",)" + names + R"(,status="200"} 1)"));
  CHECK(c.has(R"(http_requests_total{method="GET",)" + names + R"(,status="403"} 1)"));
  CHECK(c.has("rpc_requests_total{" + names + R"(,status="200"} 2)"));
  CHECK(c.has("rpc_requests_total{" + names + R"(,status="499"} 1)"));
  CHECK(c.has("http_request_duration_seconds_count{" + names + "} 2"));
  CHECK(c.has("rpc_request_duration_seconds_count{" + names + "} 3"));
}

TEST_CASE("over HTTP each call proves who it is, over RPC its session", "[api_metrics]") {
  Counted c;
  for (const auto& who : {proven_by(api::Scheme::hawk), proven_by(api::Scheme::hawk, true),
                          proven_by(api::Scheme::bewit), proven_by(api::Scheme::none)}) {
    c.call(api::Face::http, 200, &who);
  }
  const auto who = proven_by(api::Scheme::rpc);
  c.call(api::Face::rpc, 200, &who);
  c.call(api::Face::rpc, 200, &who);
  c.figures.count_proof(api::Scheme::rpc, false);
  CHECK(c.has(R"(auth_success_total{credentials="permanent",scheme="hawk"} 1)"));
  CHECK(c.has(R"(auth_success_total{credentials="temporary",scheme="hawk"} 1)"));
  CHECK(c.has(R"(auth_success_total{credentials="permanent",scheme="bewit"} 1)"));
  CHECK(c.has(R"(auth_success_total{credentials="none",scheme="none"} 1)"));
  CHECK(c.has(R"(auth_success_total{credentials="permanent",scheme="rpc"} 1)"));

  c.call(api::Face::http, 401, nullptr, "Unauthorized: Access expired");
  c.request.headers.emplace_back("authorization", "Hawk id=...");
  c.call(api::Face::http, 401, nullptr, "Bad Request: Missing attributes");
  c.call(api::Face::rpc, 401, &who, "the worker's token has been revoked");
  CHECK(c.has(R"(auth_failure_total{reason="time",scheme="bewit"} 1)"));
  CHECK(c.has(R"(auth_failure_total{reason="malformed",scheme="hawk"} 1)"));
  CHECK(c.has(R"(auth_failure_total{reason="other",scheme="rpc"} 1)"));
  CHECK(c.has(R"(auth_success_total{credentials="permanent",scheme="hawk"} 1)"));
}

TEST_CASE("a call is logged by how it ends", "[api_metrics]") {
  CHECK(level_of_call(200) == LogLevel::debug);
  CHECK(level_of_call(404) == LogLevel::debug);
  CHECK(level_of_call(api::abandoned_status) == LogLevel::debug);
  CHECK(level_of_call(401) == LogLevel::info);
  CHECK(level_of_call(403) == LogLevel::info);
  CHECK(level_of_call(500) == LogLevel::warning);
  CHECK(level_of_call(503) == LogLevel::warning);
}

}  // namespace
}  // namespace troupe::server
