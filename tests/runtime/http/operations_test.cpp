#include "runtime/http/operations.h"

#include "tests/runtime/http/http_support.h"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using Catch::Matchers::Contains;

TEST_CASE("operators' routes", "[http]") {
  metrics::Registry registry;
  std::vector<std::string> problems;
  HttpWorld world;
  http::add_operations(
      world.routes, registry,
      {.version = {"1.2.3", "abc", "https://x", ""}, .problems = [&problems] { return problems; }});

  SECTION("alive") {
    CHECK_THAT(world.get("/healthz"), Catch::Matchers::StartsWith("HTTP/1.1 200 OK\r\n"));
    CHECK(body_of(world.get("/__lbheartbeat__")) == "{}");
    CHECK(body_of(world.get("/__heartbeat__")) == "{}");
  }
  SECTION("ready") {
    CHECK_THAT(world.get("/readyz"), Catch::Matchers::StartsWith("HTTP/1.1 200 OK\r\n"));
    problems = {"disk", "recovering"};
    const auto refused = world.get("/readyz");
    CHECK_THAT(refused, Catch::Matchers::StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
    CHECK(body_of(refused) == "disk\nrecovering\n");
  }
  SECTION("version") {
    CHECK(body_of(world.get("/__version__")) ==
          R"({"version":"1.2.3","commit":"abc","source":"https://x","build":""})");
  }
  SECTION("metrics") {
    registry.counter({"hits_total", "Hits.", {}}).add();
    const auto response = world.get("/metrics");
    CHECK_THAT(response, Contains("text/plain; version=0.0.4"));
    CHECK_THAT(body_of(response), Contains("hits_total 1\n"));
  }
  SECTION("crawlers") {
    CHECK_THAT(world.get("/robots.txt"), Contains("Disallow: /\n"));
  }
}

TEST_CASE("a private server tells nobody its metrics", "[http]") {
  const metrics::Registry registry;
  HttpWorld world;
  http::add_operations(world.routes, registry,
                       {.version = {}, .with_metrics = false, .problems = [] {
                          return std::vector<std::string>{};
                        }});
  CHECK_THAT(world.get("/metrics"), Catch::Matchers::StartsWith("HTTP/1.1 403 Forbidden\r\n"));
  CHECK_THAT(world.get("/healthz"), Catch::Matchers::StartsWith("HTTP/1.1 200 OK\r\n"));
}
