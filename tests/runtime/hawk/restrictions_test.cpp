// Certificates and authorizedScopes, each wrong in one way.
#include "runtime/base/hash.h"
#include "runtime/hawk/certificate.h"
#include "runtime/hawk/ext.h"
#include "runtime/hawk/sign.h"
#include "tests/runtime/hawk/world.h"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace troupe::hawk {
namespace {

constexpr Instant now{1'700'000'000'000};
constexpr Duration hour = std::chrono::hours(1);
const std::string seed(44, 's');

const World& world() {
  static const World value(
      {{"issuer", "issuer token", {"auth:create-client:temp/*", "a:*", "assume:r:x"}, now + hour},
       {"poor", "poor token", {"b"}, now + hour}},
      {{"anonymous", {"see"}}, {"r:*", {"role:<..>:*"}}});
  return value;
}

const Credentials issuer{.client_id = "issuer", .access_token = Secret("issuer token")};

Outcome ask(const Credentials& credentials) {
  const auto header = sign_request(
      credentials, {.method = "get", .resource = "/p", .host = "h", .port = 80}, now, "n");
  return authenticate(
      {.method = "get", .resource = "/p", .host = "h", .port = 80, .authorization = header},
      world(), now);
}

Credentials temporary(const TemporaryGrant& grant, const Credentials& by = issuer) {
  auto made = make_temporary(by, grant, seed);
  REQUIRE(made.ok());
  return std::move(made).value();
}

// A request of the issuer, or of `id`, with this certificate and the token that its seed gives.
std::string message_with(const std::string& certificate, const std::string& id = "issuer") {
  return message_of(ask({.client_id = id,
                         .access_token = derived_token(issuer.access_token, seed),
                         .certificate = certificate}));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("temporary credentials have their own scopes and time", "[hawk]") {
  const auto outcome = ask(temporary(
      {.scopes = {"role:x:1", "a:2"}, .start = now, .expiry = now + std::chrono::minutes(10)}));
  INFO(message_of(outcome));
  const auto* success = std::get_if<Success>(&outcome);
  REQUIRE(success != nullptr);
  CHECK(success->client_id == "issuer");
  CHECK(success->scopes.list() ==
        std::vector<std::string>{"a:2", "assume:anonymous", "role:x:1", "see"});
  CHECK(success->expires == now + std::chrono::minutes(10));
}

TEST_CASE("temporary credentials end with their issuer", "[hawk]") {
  const auto outcome =
      ask(temporary({.client_id = "temp/one", .start = now, .expiry = now + 2 * hour}));
  const auto* success = std::get_if<Success>(&outcome);
  REQUIRE(success != nullptr);
  CHECK(success->client_id == "temp/one");
  CHECK(success->scopes.list() == std::vector<std::string>{"assume:anonymous", "see"});
  CHECK(success->expires == now + hour);
}

TEST_CASE("a clock may be five minutes off for certificates", "[hawk]") {
  const auto check = [](Duration start, Duration expiry) {
    return message_of(ask(temporary({.start = now + start, .expiry = now + expiry})));
  };
  const Duration skew = std::chrono::minutes(5);
  const Duration longest = std::chrono::days(31);
  CHECK(check(skew, hour) == "");
  CHECK(check(skew + Duration(1), hour) == "ext.certificate.start > now");
  CHECK(check(-hour, -skew) == "");
  CHECK(check(-hour, -skew - Duration(1)) == "ext.certificate.expiry < now");
  CHECK(check(-hour, longest - hour) == "");
  const auto certificate = temporary({.start = now, .expiry = now + longest}).certificate;
  CHECK(message_with(replaced(certificate, std::to_string(now.ms), std::to_string(now.ms - 1))) ==
        "ext.certificate cannot last longer than 31 days!");
}

TEST_CASE("a certificate of the wrong shape is refused", "[hawk]") {
  const auto good = temporary({.scopes = {"a:1"}, .start = now, .expiry = now + hour}).certificate;
  CHECK(message_with(good) == "");
  const std::string start = "\"start\":" + std::to_string(now.ms);
  const std::string expiry = "\"expiry\":" + std::to_string((now + hour).ms);
  const auto [from, to, message] = GENERATE_COPY(table<std::string, std::string, std::string>({
      {good, "true", " must be a JSON object"},
      {good, "null", " must be a JSON object"},
      {good, "[]", " must be a JSON object"},
      {good, "\"{}\"", " must be a JSON object"},
      {good, "{}", ".version must be 1"},
      {"\"version\":1", "\"version\":2", ".version must be 1"},
      {"\"version\":1", "\"version\":\"1\"", ".version must be 1"},
      {"\"version\":1", "\"version\":1.0", ""},
      {"\"seed\"", "\"sEed\"", ".seed must be a string"},
      {"\"" + seed + "\"", "44", ".seed must be a string"},
      {seed, seed + "s", ".seed must be 44 characters"},
      {start, "\"start\":null", ".start must be a number"},
      {start, "\"start\":\"1\"", ".start must be a number"},
      {start, start + ".0", ""},
      {expiry, "\"expiry\":true", ".expiry must be a number"},
      {"[\"a:1\"]", "null", ".scopes must be an array"},
      {"[\"a:1\"]", "\"a:1\"", ".scopes must be an array"},
      {"[\"a:1\"]", "[1]", ".scopes must be an array of valid scopes"},
      {"[\"a:1\"]", "[\"\\u00e4\"]", ".scopes must be an array of valid scopes"},
      {"[\"a:1\"]", "[\"a:2\"]", ".signature is not valid"},
      {"\"signature\"", "\"signatures\"", ".signature is not valid"},
      {"\"version\"", "\"issuer\":7,\"version\"", ".issuer must be a string"},
      {"\"version\"", "\"issuer\":\"issuer\",\"version\"",
       ".issuer must differ from the supplied clientId"},
      {"\"version\"", "\"clientId\":\"issuer\",\"version\"",
       ".clientId must only be used with ext.certificate.issuer"},
      {"\"version\"", "\"version\":3,\"version\"", ""},  // the last one counts
  }));
  INFO(from << " -> " << to);
  CHECK(message_with(replaced(good, from, to)) ==
        (message.empty() ? "" : "ext.certificate" + message));
}

TEST_CASE("an issuer hands on what it has, and no more", "[hawk]") {
  const TemporaryGrant grant{.scopes = {"a:1", "c"}, .start = now, .expiry = now + hour};
  CHECK(message_of(ask(temporary(grant))) ==
        "ext.certificate issuer `issuer` doesn't satisfy all certificate scopes a:1, c.  The "
        "temporary credentials were not generated correctly.");
  // Everybody has it, but nobody may hand it on.
  CHECK(message_of(ask(temporary({.scopes = {"see"}, .start = now, .expiry = now + hour})))
            .starts_with("ext.certificate issuer `issuer` doesn't satisfy all"));
}

TEST_CASE("an issuer names what it may create", "[hawk]") {
  const TemporaryGrant grant{.client_id = "temp/one", .start = now, .expiry = now + hour};
  auto credentials = temporary(grant);
  CHECK(message_of(ask(credentials)) == "");
  credentials.client_id = "temp/two";
  CHECK(message_of(ask(credentials)) ==
        "ext.certificate.signature is not valid, or wrong clientId provided");
  credentials.client_id = "other";
  CHECK(message_of(ask(credentials)) ==
        "ext.certificate issuer `issuer` doesn't have `auth:create-client:other` for supplied "
        "clientId.");
  credentials.certificate =
      replaced(credentials.certificate, "\"issuer\":\"issuer\"", "\"issuer\":\"nobody\"");
  CHECK(message_of(ask(credentials)) == "Client with clientId 'nobody' not found");
}

TEST_CASE("temporary credentials are void without their certificate", "[hawk]") {
  auto credentials = temporary({.start = now, .expiry = now + hour});
  credentials.certificate.clear();
  CHECK(message_of(ask(credentials)) == "Unauthorized: Bad mac");
}

TEST_CASE("what cannot be a grant is refused when it is made", "[hawk]") {
  const auto fault = [](const TemporaryGrant& grant) {
    const auto made = make_temporary(issuer, grant, seed);
    REQUIRE_FALSE(made.ok());
    CHECK(made.error().code == Errc::invalid);
    return made.error().detail;
  };
  CHECK(fault({.start = now, .expiry = now - Duration(1)}) ==
        "temporary credentials would end before they begin");
  CHECK(fault({.start = now, .expiry = now + std::chrono::days(31) + Duration(1)}) ==
        "temporary credentials cannot last longer than 31 days");
  CHECK(fault({.client_id = "issuer", .start = now, .expiry = now}) ==
        "temporary credentials cannot have the name of their issuer, issuer: give another, or "
        "none");
  CHECK(fault({.scopes = {"a\n"}, .start = now, .expiry = now}) ==
        "a scope has characters beside printable ASCII");
  const auto again =
      make_temporary(temporary({.start = now, .expiry = now}), {.start = now, .expiry = now}, seed);
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().detail ==
        "temporary credentials of issuer cannot issue others: use permanent ones");
}

TEST_CASE("a request is restricted to the scopes that it authorizes", "[hawk]") {
  auto restricted = issuer;
  restricted.authorized_scopes = {{"role:x:1", "assume:r:x", "see"}};
  const auto outcome = ask(restricted);
  const auto* success = std::get_if<Success>(&outcome);
  REQUIRE(success != nullptr);
  CHECK(success->scopes.list() ==
        std::vector<std::string>{"assume:anonymous", "assume:r:x", "role:x:*", "see"});

  restricted.authorized_scopes = {{"c", "a:1"}};
  CHECK(message_of(ask(restricted)) ==
        "Supplied credentials do not satisfy authorizedScopes; credentials have scopes:\n\n```\n"
        "a:*\nassume:anonymous\nassume:r:x\nauth:create-client:temp/*\nrole:x:*\nsee\n```\n\n"
        "authorizedScopes are:\n\n```\nc\na:1\n```");
}

TEST_CASE("a certificate and authorized scopes restrict one after the other", "[hawk]") {
  auto credentials = temporary({.scopes = {"a:1*"}, .start = now, .expiry = now + hour});
  credentials.authorized_scopes = {{"a:12"}};
  CHECK(message_of(ask(credentials)) == "");
  credentials.authorized_scopes = {{"a:2"}};
  CHECK(message_of(ask(credentials))
            .starts_with("Supplied credentials do not satisfy authorizedScopes; credentials have "
                         "scopes:\n\n```\na:1*\nassume:anonymous\nsee\n```"));
}

TEST_CASE("an ext is read in any base64, and must be an object", "[hawk]") {
  const std::string json = R"({"authorizedScopes":["~?>?~?>"],"other":{"a":[]}})";
  const std::string padded = to_base64(as_bytes(json));
  std::string url_safe = padded;
  for (char& c : url_safe) c = c == '+' ? '-' : c == '/' ? '_' : c;
  REQUIRE(url_safe != padded);
  for (const std::string& text : {padded, url_safe, to_base64url(as_bytes(json))}) {
    INFO(text);
    const auto ext = parse_ext(text);
    REQUIRE(ext.ok());
    CHECK_FALSE(ext.value().certificate.has_value());
    CHECK(ext.value().authorized_scopes->scopes == std::vector<std::string>{"~?>?~?>"});
  }
  CHECK(parse_ext("e30=").ok());

  for (const std::string bad : {"", "[]", "null", "1", "{", "{}x", "{\"a\":\"\xff\"}"}) {
    INFO(bad);
    const auto ext = parse_ext(to_base64(as_bytes(bad)));
    REQUIRE_FALSE(ext.ok());
    CHECK(ext.error() == Error{Errc::unauthenticated, "Failed to parse ext"});
  }
  // One that ends inside a code point: the sanitizers see that nothing behind it is read.
  for (const char* cut : {"{\"\xf0", "{\"a\":\"\xe2", "{\"a\xf4\x8f"}) {
    CHECK_FALSE(parse_ext(to_base64(as_bytes(cut))).ok());
  }
  CHECK_FALSE(parse_ext("e30*").ok());
  CHECK_FALSE(parse_ext(to_base64(as_bytes(std::string("{}\0x", 4)))).ok());
  std::string deep(12'000, '[');
  CHECK_FALSE(parse_ext(to_base64(as_bytes("{\"a\":" + deep))).ok());
}

TEST_CASE("authorized scopes are a list of scopes", "[hawk]") {
  const auto fault = [](const std::string& json) {
    const auto ext = parse_ext(to_base64(as_bytes(json)));
    REQUIRE(ext.ok());
    REQUIRE(ext.value().authorized_scopes.has_value());
    return ext.value().authorized_scopes->fault;
  };
  CHECK(fault(R"({"authorizedScopes":null})") == "ext.authorizedScopes must be an array");
  CHECK(fault(R"({"authorizedScopes":{}})") == "ext.authorizedScopes must be an array");
  CHECK(fault(R"({"authorizedScopes":["a",1]})") ==
        "ext.authorizedScopes must be an array of valid scopes");
  CHECK(fault(R"({"authorizedScopes":["a","\t"]})") ==
        "ext.authorizedScopes must be an array of valid scopes");
  CHECK(fault(R"({"authorizedScopes":["", "a"]})") == "");
}

}  // namespace troupe::hawk
