#include "runtime/hawk/bewit.h"

#include "runtime/base/hash.h"
#include "runtime/hawk/sign.h"
#include "tests/runtime/hawk/world.h"

#include <catch2/catch.hpp>

#include <string>

namespace troupe::hawk {
namespace {

constexpr Instant now{1'000'000'000'000};

std::string encoded(const std::string& text) {
  return to_base64url(as_bytes(text));
}

std::string fault_of(const std::string& resource, const std::string& method = "get") {
  const auto parsed = parse_bewit(method, resource);
  if (parsed.ok()) return "";
  CHECK(parsed.error().code == Errc::unauthenticated);
  return parsed.error().detail;
}

const World& world() {
  static const World value({{"ci/one", "token one", {"a:*"}, now + Duration(1'000)}}, {});
  return value;
}

Outcome get(const std::string& resource, const std::string& method = "get") {
  return authenticate({.method = method,
                       .resource = resource,
                       .host = "troupe.example",
                       .port = 443,
                       .authorization = {}},
                      world(), now);
}

std::string signed_resource(const std::string& resource, Instant expires) {
  const std::string origin = "https://troupe.example";
  const auto url = sign_url({.client_id = "ci/one", .access_token = Secret("token one")},
                            origin + resource, expires);
  REQUIRE(url.ok());
  return url.value().substr(origin.size());
}

}  // namespace

TEST_CASE("a bewit is taken out of its resource", "[hawk]") {
  const std::string b = "bewit=" + encoded("id\\1\\m\\e");
  const auto [before, after, left] = GENERATE(table<std::string, std::string, std::string>({
      {"/p?", "", "/p"},
      {"/?", "", "/"},
      {"/p?", "&", "/p"},
      {"/p?", "&a=1", "/p?a=1"},
      {"/p?a=1&", "", "/p?a=1"},
      {"/p?a=1&", "&b=2&c", "/p?a=1&b=2&c"},
      {"/p?bewit=old&", "", "/p?bewit=old"},
      {"/p&", "", "/p"},
  }));
  const std::string resource = before + b + after;
  INFO(resource);
  REQUIRE(has_bewit(resource));
  const auto parsed = parse_bewit("get", resource);
  REQUIRE(parsed.ok());
  CHECK(parsed.value().resource == left);
  CHECK(parsed.value().id == "id");
  CHECK(parsed.value().expires == "1");
  CHECK(parsed.value().mac == "m");
  CHECK(parsed.value().ext == "e");
}

TEST_CASE("a resource without a bewit has none", "[hawk]") {
  for (const char* resource : {"", "/", "/bewit=a", "/p?a=bewit=b", "/p?xbewit=a", "?bewit=a",
                               "p?bewit=a", "/p?bewi", "/p?BEWIT=a", "/p?bewit"}) {
    INFO(resource);
    CHECK_FALSE(has_bewit(resource));
  }
}

TEST_CASE("a malformed bewit is refused with its first fault", "[hawk]") {
  const auto [value, message] = GENERATE(table<std::string, std::string>({
      {"", "Unauthorized: Empty bewit"},
      {"a%20b", "Bad Request: Invalid bewit encoding"},
      {"YWJj=", "Bad Request: Invalid bewit encoding"},
      {"a+bc", "Bad Request: Invalid bewit encoding"},
      {"YWI1", "Bad Request: Invalid bewit structure"},
      {"YQ", "Bad Request: Invalid bewit structure"},
      {"YR", "Bad Request: Invalid bewit encoding"},  // the same bytes as `YQ`
      {"YWJjY", "Bad Request: Invalid bewit encoding"},
      {encoded("id\\1\\m"), "Bad Request: Invalid bewit structure"},
      {encoded("id\\1\\m\\e\\"), "Bad Request: Invalid bewit structure"},
      {encoded("\\1\\m\\e"), "Bad Request: Missing bewit attributes"},
      {encoded("id\\\\m\\e"), "Bad Request: Missing bewit attributes"},
      {encoded("id\\1\\\\e"), "Bad Request: Missing bewit attributes"},
      {encoded("id\\1\\m\\"), ""},
  }));
  INFO(value);
  CHECK(fault_of("/p?bewit=" + value) == message);
}

TEST_CASE("only what is read is signed by URL", "[hawk]") {
  const std::string resource = "/p?bewit=" + encoded("id\\1\\m\\");
  for (const char* method : {"get", "GET", "head", "HEAD"}) CHECK(fault_of(resource, method) == "");
  for (const char* method : {"post", "put", "delete", "", "gets", "options"}) {
    CHECK(fault_of(resource, method) == "Unauthorized: Invalid method");
  }
  CHECK(fault_of("/p?bewit=", "post") == "Unauthorized: Empty bewit");
  CHECK(fault_of("/" + std::string(4'096, 'p') + "?bewit=", "post") ==
        "Bad Request: Resource path exceeds max length");
}

TEST_CASE("a signed URL is valid until its time", "[hawk]") {
  const auto one_second = signed_resource("/p?a=1", now + std::chrono::seconds(1));
  CHECK(message_of(get(one_second)) == "");
  CHECK(message_of(get(one_second, "head")) == "");
  CHECK(message_of(get(signed_resource("/p?a=1", now))) == "Unauthorized: Access expired");
  CHECK(message_of(get("/other" + one_second)) == "Unauthorized: Bad mac");

  const auto outcome = get(one_second);
  const auto* success = std::get_if<Success>(&outcome);
  REQUIRE(success != nullptr);
  CHECK(success->client_id == "ci/one");
  CHECK(success->expires == now + Duration(1'000));
  CHECK(success->hash.empty());
}

TEST_CASE("a URL is signed for the host and port that it names", "[hawk]") {
  const Credentials credentials{.client_id = "ci/one", .access_token = Secret("token one")};
  const auto check = [&credentials](const std::string& url, const std::string& host,
                                    std::uint16_t port, const std::string& origin) {
    INFO(url);
    const auto made = sign_url(credentials, url, now + std::chrono::seconds(1));
    REQUIRE(made.ok());
    REQUIRE(made.value().starts_with(origin + "/"));
    std::string resource = made.value().substr(origin.size());
    resource = resource.substr(0, resource.find('#'));
    CHECK(message_of(authenticate({.method = "get",
                                   .resource = resource,
                                   .host = host,
                                   .port = port,
                                   .authorization = {}},
                                  world(), now)) == "");
  };
  check("https://troupe.example/p", "troupe.example", 443, "https://troupe.example");
  check("http://Troupe.Example/p?a", "troupe.example", 80, "http://Troupe.Example");
  check("http://h:8080/", "h", 8080, "http://h:8080");
  check("http://h:8080", "h", 8080, "http://h:8080");
  check("http://h?a=1#part", "h", 80, "http://h");
  check("https://[::1]:7420/p#part", "[::1]", 7420, "https://[::1]:7420");
  check("https://[::1]/p", "[::1]", 443, "https://[::1]");

  for (const char* url : {"", "/p", "ftp://h/p", "https://", "https:///p", "https://u:p@h/p",
                          "https://h:port/p", "https://h:65536/"}) {
    INFO(url);
    const auto made = sign_url(credentials, url, now);
    REQUIRE_FALSE(made.ok());
    CHECK(made.error().code == Errc::invalid);
  }
}

TEST_CASE("a request with two proofs is noticed", "[hawk]") {
  CHECK(has_two_schemes("/p?bewit=a", "Hawk x"));
  CHECK(has_two_schemes("/p?a=1&bewit=a&b=2", "Bearer x"));
  CHECK_FALSE(has_two_schemes("/p?bewit=", "Hawk x"));
  CHECK_FALSE(has_two_schemes("/p?bewit=a", ""));
  CHECK_FALSE(has_two_schemes("/p", "Hawk x"));
}

}  // namespace troupe::hawk
