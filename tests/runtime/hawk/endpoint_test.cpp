#include "runtime/hawk/endpoint.h"

#include <catch2/catch.hpp>

#include <string>

namespace troupe::hawk {

TEST_CASE("the endpoint is the one that the caller has seen", "[hawk]") {
  struct Case {
    EndpointHeaders headers;
    Endpoint endpoint;
  };
  const auto c = GENERATE(values<Case>({
      {{"troupe.example", "", ""}, {"troupe.example", 80}},
      {{"Troupe.Example", "", "", true}, {"troupe.example", 443}},
      {{"troupe.example:7420", "", ""}, {"troupe.example", 7420}},
      {{"troupe.example:", "", ""}, {"troupe.example", 80}},
      {{"troupe.example:7420", "", "https"}, {"troupe.example", 443}},
      {{"troupe.example:7420", "", "HTTPS, http"}, {"troupe.example", 443}},
      {{"troupe.example:7420", "", "http"}, {"troupe.example", 7420}},
      {{"troupe.example:7420", "8443", "https"}, {"troupe.example", 8443}},
      {{"troupe.example", "8443 , 80", ""}, {"troupe.example", 8443}},
      {{"troupe.example", "none", ""}, {"troupe.example", 80}},
      {{"127.0.0.1:7420", "", ""}, {"127.0.0.1", 7420}},
      {{"[::1]:7420", "", ""}, {"[::1]", 7420}},
      {{"[::1]", "", ""}, {"[::1]", 80}},
  }));
  INFO(c.headers.host << ' ' << c.headers.forwarded_port << ' ' << c.headers.forwarded_proto);
  const auto endpoint = endpoint_of(c.headers);
  REQUIRE(endpoint.ok());
  CHECK(endpoint.value() == c.endpoint);
}

TEST_CASE("a malformed host is refused", "[hawk]") {
  const std::string host = GENERATE(as<std::string>{}, "", ":80", "a/b", "a b", "a:b", "a:65536",
                                    "a:1:2", "[::1", "::1", "[]", "u@h", "[x]", "a\"b");
  INFO(host);
  const auto endpoint = endpoint_of({.host = host, .forwarded_port = {}, .forwarded_proto = {}});
  REQUIRE_FALSE(endpoint.ok());
  CHECK(endpoint.error().code == Errc::invalid);
}

}  // namespace troupe::hawk
