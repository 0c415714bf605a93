#include "runtime/http/operations.h"

#include "runtime/base/assert.h"
#include "runtime/base/json_writer.h"

#include <utility>

namespace troupe::http {

namespace {

Response text_response(unsigned status, std::string body) {
  Response out;
  out.status = status;
  out.content_type = "text/plain; charset=utf-8";
  out.body = std::move(body);
  return out;
}

std::string version_json(const VersionFacts& facts) {
  JsonWriter json;
  json.begin_object().key("version").string(facts.version).key("commit").string(facts.commit);
  json.key("source").string(facts.source).key("build").string(facts.build).end_object();
  return json.take();
}

/// Always the same answer.
Handler fixed(Response response) {
  return [response = std::move(response)](const Request&) -> kj::Promise<Response> {
    return Response(response);
  };
}

Response readiness(const std::vector<std::string>& problems) {
  if (problems.empty()) return text_response(200, "ready\n");
  std::string text;
  for (const auto& problem : problems) text += problem + "\n";
  auto out = text_response(503, std::move(text));
  out.headers.emplace_back("retry-after", "1");
  return out;
}

}  // namespace

void add_operations(RouteTable& routes,
                    const metrics::Registry& registry,
                    OperationsOptions options) {
  TROUPE_EXPECTS(options.problems != nullptr);
  if (options.with_metrics) {
    routes.add("GET", "/metrics", [&registry](const Request&) -> kj::Promise<Response> {
      Response out;
      out.content_type = metrics::Registry::content_type;
      out.body = registry.render();
      return out;
    });
  } else {
    routes.add(
        "GET", "/metrics",
        fixed(text_response(403, "this server is private: no metrics without credentials\n")));
  }
  routes.add("GET", "/readyz",
             [problems = std::move(options.problems)](const Request&) -> kj::Promise<Response> {
               return readiness(problems());
             });
  routes.add("GET", "/healthz", fixed(text_response(200, "ok\n")));
  routes.add("GET", "/__lbheartbeat__", fixed(json_response("{}")));
  routes.add("GET", "/__heartbeat__", fixed(json_response("{}")));
  routes.add("GET", "/__version__", fixed(json_response(version_json(options.version))));
  routes.add("GET", "/robots.txt", fixed(text_response(200, "User-Agent: *\nDisallow: /\n")));
}

}  // namespace troupe::http
