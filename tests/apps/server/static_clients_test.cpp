#include "apps/troupe/server/static_clients.h"

#include <catch2/catch.hpp>

#include <string>

namespace troupe::server {
namespace {

const std::string token = "abcdefghijklmnopqrstuv";  // of the least length

std::string entry(const std::string& name, const std::string& access_token = token) {
  return R"({"clientId":")" + name + R"(","accessToken":")" + access_token + R"(","scopes":["s"]})";
}

std::string file(const std::string& entries) {
  return R"({"clients":[)" + entries + "]}";
}

/// What is wrong with a file, empty if nothing is.
std::string problem(const std::string& json) {
  const auto clients = read_static_clients(json);
  if (clients.ok()) return "";
  CHECK(clients.error().code == Errc::invalid);
  // Tokens are never shown.
  CHECK(clients.error().detail.find(token) == std::string::npos);
  return clients.error().detail;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("a file of static clients is read", "[static_clients]") {
  const auto clients = read_static_clients(
      file(R"({"clientId":"static/ci/a","accessToken":")" + token +
           R"(","description":"d","scopes":["b","a:*"]},)" + entry("static/b")));
  REQUIRE(clients.ok());
  REQUIRE(clients.value().size() == 2);
  const auto& first = clients.value()[0];
  CHECK(first.client_id == "static/ci/a");
  CHECK(first.access_token == Secret(token));
  CHECK(first.description == "d");
  CHECK(first.scopes == std::vector<std::string>{"b", "a:*"});
  CHECK(clients.value()[1].description.empty());
  CHECK(read_static_clients(file("")).value().empty());
}

TEST_CASE("names of static clients begin with static/, once each, and are not ours",
          "[static_clients]") {
  CHECK(has(problem(file(entry("ci/a"))), "clients[0].clientId: "));
  CHECK(has(problem(file(entry("static/"))), "clients[0].clientId: "));
  CHECK(has(problem(file(entry("static/a") + "," + entry("static/a"))),
            "clients[1].clientId: static/a is there already"));
  CHECK(has(problem(file(entry("static/taskcluster/queue"))), "is a client of the platform's own"));
  CHECK(has(problem(file(entry("static/troupe/root"))), "is a client of the platform's own"));
}

TEST_CASE("a static client has a token of 22 to 66 characters", "[static_clients]") {
  CHECK(problem(file(entry("static/a", std::string(66, 'x')))).empty());
  const auto wrong = GENERATE(as<std::string>(), "", std::string(21, 'x'), std::string(67, 'x'),
                              "has a space in its middle");
  const std::string found = problem(file(entry("static/a", wrong)));
  CHECK(has(found, "clients[0].accessToken: "));
  if (!wrong.empty()) CHECK_FALSE(has(found, wrong));
}

TEST_CASE("scopes of static clients keep to the rules of all clients", "[static_clients]") {
  const auto with_scopes = [](const std::string& scopes) {
    return file(entry("static/a") + R"(,{"clientId":"static/b","accessToken":")" + token +
                R"(","scopes":[)" + scopes + "]}");
  };
  CHECK(problem(with_scopes(R"("a*","**b","*")")).empty());
  const std::string found = problem(with_scopes(R"("a","b**","**")"));
  CHECK(has(found, "clients[1].scopes[1]: scopes must not end with `**`"));
  CHECK(has(found, "clients[1].scopes[2]: scopes must not end with `**`"));

  std::string many = "\"0\"";
  for (int i = 1; i < 10'000; ++i) many += ",\"" + std::to_string(i) + '"';
  CHECK(problem(with_scopes(many)).empty());
  CHECK(has(problem(with_scopes(many + R"(,"x")")),
            "clients[1].scopes: at most 10000 scopes, not 10001"));
}

TEST_CASE("all faults of a file of static clients are told at once", "[static_clients]") {
  const std::string found =
      problem(file(R"({"clientId":"static/a","scopes":["s","s"],"secret":1},)" + entry("other")));
  CHECK(has(found, "clients[0].accessToken: required, but missing"));
  CHECK(has(found, "clients[0].scopes[1]: "));
  CHECK(has(found, "unknown field \"secret\""));
  CHECK(has(found, "clients[1].clientId: "));
  CHECK(has(problem("{"), "malformed JSON at line 1"));
  CHECK(has(problem("{}"), "clients: required, but missing"));
}

}  // namespace
}  // namespace troupe::server
