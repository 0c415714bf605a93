#include "runtime/http/router.h"

#include "runtime/base/assert.h"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

http::Handler handler() {
  return [](const http::Request&) -> kj::Promise<http::Response> { return http::Response{}; };
}

}  // namespace

TEST_CASE("a route fits a path", "[http]") {
  http::RouteTable routes;
  routes.add("GET", "/", handler());
  routes.add("GET", "/a", handler());
  routes.add("PUT", "/a", handler());
  routes.add("GET", "/a/<id>", handler());
  routes.add("GET", "/a/<id>/b/<name>", handler());
  routes.add("GET", "/files/<path...>", handler());
  const auto fits = [&routes](std::string_view method, std::string_view path) {
    return routes.match(method, path).has_value();
  };

  SECTION("of literals") {
    CHECK(fits("GET", "/"));
    CHECK(fits("GET", "/a"));
    CHECK(fits("PUT", "/a"));
    CHECK_FALSE(fits("POST", "/a"));
    CHECK_FALSE(fits("GET", "/b"));
    CHECK_FALSE(fits("GET", "/A"));
    CHECK_FALSE(fits("GET", "a"));
    CHECK_FALSE(fits("GET", ""));
  }
  SECTION("with one slash at the end") {
    CHECK(fits("GET", "/a/"));
    CHECK_FALSE(fits("GET", "/a//"));
    CHECK_FALSE(fits("GET", "//a"));
  }
  SECTION("with parameters, decoded") {
    const auto match = routes.match("GET", "/a/x%2Fy+z/b/%c3%bc");
    REQUIRE(match);
    CHECK(match->parameters.at("id") == "x/y+z");
    CHECK(match->parameters.at("name") == "\xC3\xBC");
    CHECK_FALSE(fits("GET", "/a//b/c"));
    CHECK_FALSE(fits("GET", "/a/%2"));
    CHECK_FALSE(fits("GET", "/a/%zz"));
    CHECK_FALSE(fits("GET", "/a/% 1"));
    CHECK_FALSE(fits("GET", "/a/%+1"));
  }
  SECTION("with the rest of it") {
    CHECK(routes.match("GET", "/files/a")->parameters.at("path") == "a");
    CHECK(routes.match("GET", "/files/a/b%20c/d")->parameters.at("path") == "a/b c/d");
    CHECK_FALSE(fits("GET", "/files"));
    CHECK_FALSE(fits("GET", "/files/"));
  }
}

TEST_CASE("the first route that fits wins", "[http]") {
  http::RouteTable routes;
  routes.add("GET", "/a/<id>", handler());
  routes.add("GET", "/a/b", handler());
  CHECK(routes.match("GET", "/a/b")->parameters.count("id") == 1);
}

TEST_CASE("a route that cannot be is a bug", "[http]") {
  http::RouteTable routes;
  routes.add("GET", "/a", handler());
  CHECK_THROWS_AS(routes.add("GET", "/a", handler()), AssertionError);
  CHECK_THROWS_AS(routes.add("GET", "a", handler()), AssertionError);
  CHECK_THROWS_AS(routes.add("GET", "/<a", handler()), AssertionError);
  CHECK_THROWS_AS(routes.add("GET", "/<a...>/b", handler()), AssertionError);
  CHECK_THROWS_AS(routes.add("GET", "/b", nullptr), AssertionError);
}
