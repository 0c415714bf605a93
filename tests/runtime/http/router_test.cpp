#include "runtime/http/router.h"

#include "runtime/base/assert.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace troupe;
using Outcome = http::Match::Outcome;

namespace {

http::Handler handler() {
  return [](const http::Request&) -> kj::Promise<http::Response> { return http::Response{}; };
}

/// `id=x name=y`, in order; `-` if nothing was found.
std::string parameters(const http::Match& match) {
  if (!match) return "-";
  std::string out;
  for (const auto& [name, value] : match.parameters) {
    if (!out.empty()) out += ' ';
    out += std::string(name) + "=" + value;
  }
  return out;
}

}  // namespace

TEST_CASE("a route fits a path", "[http]") {
  http::RouteTable routes;
  const auto root = routes.add("GET", "/", handler());
  const auto get_a = routes.add("GET", "/a", handler());
  const auto put_a = routes.add("PUT", "/a", handler());
  routes.add("GET", "/a/<id>", handler());
  routes.add("GET", "/a/<id>/b/<name>", handler());
  routes.add("GET", "/files/<path...>", handler());
  const auto list = routes.add("GET", "/clients/", handler());
  const auto namespaces = routes.add("POST", "/namespaces/<namespace?>", handler());
  const auto outcome = [&routes](std::string_view method, std::string_view path) {
    return routes.match(method, path).outcome;
  };
  const auto fits = [&routes](std::string_view method, std::string_view path) {
    return static_cast<bool>(routes.match(method, path));
  };
  const auto taken = [&routes](std::string_view path) {
    return parameters(routes.match("GET", path));
  };

  SECTION("of literals") {
    CHECK(routes.match("GET", "/").route == root);
    CHECK(routes.match("GET", "/a").route == get_a);
    CHECK(routes.match("PUT", "/a").route == put_a);
    CHECK(routes.match("GET", "/a").handler != nullptr);
    CHECK_FALSE(fits("POST", "/a"));
    CHECK_FALSE(fits("GET", "/b"));
    CHECK_FALSE(fits("GET", "/A"));
    CHECK_FALSE(fits("GET", "/%61"));
    CHECK_FALSE(fits("GET", "a"));
    CHECK_FALSE(fits("GET", ""));
  }
  SECTION("with one slash at the end") {
    CHECK(fits("GET", "/a/"));
    CHECK(taken("/a/x/") == "id=x");
    CHECK(routes.match("GET", "/clients").route == list);
    CHECK(routes.match("GET", "/clients/").route == list);
    CHECK_FALSE(fits("GET", "/a//"));
    CHECK_FALSE(fits("GET", "/a/x//"));
    CHECK_FALSE(fits("GET", "/clients//"));
    CHECK_FALSE(fits("GET", "//a"));
    CHECK_FALSE(fits("GET", "//"));
  }
  SECTION("with parameters, decoded") {
    CHECK(taken("/a/x%2Fy+z/b/%c3%bc") == "id=x/y+z name=\xC3\xBC");
    CHECK(taken("/a/%252F") == "id=%2F");
    CHECK_FALSE(fits("GET", "/a//b/c"));
    CHECK(outcome("GET", "/a/%2") == Outcome::bad_encoding);
    CHECK(outcome("GET", "/a/%zz") == Outcome::bad_encoding);
    CHECK(outcome("GET", "/a/% 1") == Outcome::bad_encoding);
    CHECK(outcome("GET", "/a/%+1") == Outcome::bad_encoding);
    CHECK(outcome("GET", "/a/x/b/%") == Outcome::bad_encoding);
    CHECK(outcome("GET", "/nowhere/%zz") == Outcome::no_route);
  }
  SECTION("with the rest of it") {
    CHECK(taken("/files/a") == "path=a");
    CHECK(taken("/files/a/b%20c/d") == "path=a/b c/d");
    CHECK(taken("/files/a/b%2Fc") == "path=a/b/c");
    CHECK(taken("/files/a//b") == "path=a//b");
    CHECK(taken("/files/a/") == "path=a/");
    CHECK(taken("/files//a") == "path=/a");
    CHECK(taken("/files/%252F") == "path=%2F");
    CHECK(taken("/files/../a/.") == "path=../a/.");
    CHECK(taken("/files/") == "path=");
    CHECK(taken("/files") == "-");
    CHECK(outcome("GET", "/files/a/%z") == Outcome::bad_encoding);
  }
  SECTION("with a parameter of several segments") {
    routes.add("GET", "/queues/<queue..>/counts", handler());
    const auto queue = routes.add("GET", "/queues/<queue>", handler());
    CHECK(taken("/queues/a/counts") == "queue=a");
    CHECK(taken("/queues/a/b/counts") == "queue=a/b");
    CHECK(taken("/queues/a%2Fb/counts/") == "queue=a/b");
    CHECK(taken("/queues/a/b/c/counts") == "queue=a/b/c");
    CHECK(taken("/queues/a//b/counts") == "queue=a//b");
    CHECK(taken("/queues//b/counts") == "queue=/b");
    CHECK(taken("/queues/counts/counts/counts") == "queue=counts/counts");
    CHECK(taken("/queues//counts") == "-");
    CHECK(taken("/queues/a/counts//") == "-");
    CHECK(taken("/queues/a/b") == "-");
    CHECK(routes.match("GET", "/queues/counts").route == queue);
  }
  SECTION("with a parameter that may be missing") {
    const auto missing = routes.match("POST", "/namespaces");
    CHECK(missing.route == namespaces);
    CHECK(missing.parameters.find("namespace") == nullptr);
    CHECK(parameters(routes.match("POST", "/namespaces/")).empty());
    CHECK(parameters(routes.match("POST", "/namespaces/a.b")) == "namespace=a.b");
    CHECK(parameters(routes.match("POST", "/namespaces/a.b/")) == "namespace=a.b");
    CHECK_FALSE(fits("POST", "/namespaces//"));
    CHECK_FALSE(fits("POST", "/namespaces/a/b"));
  }
  SECTION("and says with which methods") {
    using Methods = std::vector<std::string_view>;
    CHECK(routes.methods_of("/a") == Methods{"GET", "HEAD", "PUT"});
    CHECK(routes.methods_of("/namespaces/x") == Methods{"POST"});
    CHECK(routes.methods_of("/nowhere").empty());
  }
}

TEST_CASE("the first route that fits wins", "[http]") {
  http::RouteTable routes;
  SECTION("a parameter before a literal") {
    routes.add("GET", "/a/<id>", handler());
    routes.add("GET", "/a/b", handler());
    CHECK(parameters(routes.match("GET", "/a/b")) == "id=b");
  }
  SECTION("a literal before a parameter") {
    routes.add("GET", "/a/list", handler());
    routes.add("GET", "/a/<id>", handler());
    CHECK(parameters(routes.match("GET", "/a/list")).empty());
    CHECK(parameters(routes.match("GET", "/a/other")) == "id=other");
  }
  SECTION("of the method that is asked for") {
    routes.add("POST", "/a/<id>", handler());
    const auto second = routes.add("GET", "/a/b", handler());
    routes.add("GET", "/a/<name>", handler());
    CHECK(routes.match("GET", "/a/b").route == second);
    CHECK(parameters(routes.match("POST", "/a/b")) == "id=b");
  }
  SECTION("the names are its own") {
    routes.add("GET", "/a/<one>/x", handler());
    routes.add("GET", "/a/<other>/<rest...>", handler());
    CHECK(parameters(routes.match("GET", "/a/1/x")) == "one=1");
    CHECK(parameters(routes.match("GET", "/a/1/x/")) == "one=1");
    CHECK(parameters(routes.match("GET", "/a/1/y/")) == "other=1 rest=y/");
  }
  SECTION("a way that ends nowhere is left again") {
    routes.add("GET", "/a/b/c", handler());
    routes.add("GET", "/a/<x>/d", handler());
    CHECK(parameters(routes.match("GET", "/a/b/d")) == "x=b");
  }
}

TEST_CASE("many routes are found as one by one", "[http]") {
  http::RouteTable routes;
  std::vector<std::string> paths;
  for (int i = 0; i < 250; ++i) {
    const auto service = "/api/service" + std::to_string(i % 10) + "/v1/method" + std::to_string(i);
    routes.add("GET", service + "/<id>", handler());
    paths.push_back(service + "/x%2Fy");
  }
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const auto match = routes.match("GET", paths[i]);
    REQUIRE(match);
    CHECK(match.route == i);
    CHECK(match.parameters.at("id") == "x/y");
  }
}

TEST_CASE("a route that cannot be is a bug", "[http]") {
  http::RouteTable routes;
  routes.add("GET", "/a", handler());
  CHECK_THROWS_AS(routes.add("GET", "/a", handler()), AssertionError);
  CHECK_THROWS_AS(routes.add("GET", "/a/", handler()), AssertionError);
  CHECK_THROWS_AS(routes.add("GET", "a", handler()), AssertionError);
  CHECK_THROWS_AS(routes.add("GET", "/<a", handler()), AssertionError);
  CHECK_THROWS_AS(routes.add("GET", "/<a...>/b", handler()), AssertionError);
  CHECK_THROWS_AS(routes.add("GET", "/<a?>/b", handler()), AssertionError);
  CHECK_THROWS_AS(routes.add("GET", "/a//b", handler()), AssertionError);
  CHECK_THROWS_AS(routes.add("GET", "/b", nullptr), AssertionError);
  CHECK_THROWS_AS(routes.match("GET", "/a").parameters.at("x"), AssertionError);
}
