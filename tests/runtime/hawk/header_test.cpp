#include "runtime/hawk/header.h"

#include "runtime/base/hash.h"
#include "runtime/hawk/mac.h"
#include "runtime/hawk/sign.h"
#include "tests/runtime/hawk/world.h"

#include <catch2/catch.hpp>

#include <string>

namespace troupe::hawk {
namespace {

constexpr Instant now{1'000'000'000'500};
const std::string whole = R"(Hawk id="ci/one", ts="1", nonce="n", mac="m")";

std::string fault_of(const std::string& header) {
  const auto parsed = parse_header(header);
  if (parsed.ok()) return "";
  CHECK(parsed.error().code == Errc::unauthenticated);
  return parsed.error().detail;
}

const World& world() {
  static const World value({{"ci/one", "token one", {"a:*"}, now + Duration(1'000)},
                            {"ci/ends", "token ends", {}, now},
                            {"ci/ended", "token ended", {}, now - Duration(1)},
                            {"ci/off", "token off", {}, now + Duration(1'000), true}},
                           {{"anonymous", {"see:*"}}});
  return value;
}

Outcome ask(const std::string& authorization, const std::string& resource = "/path") {
  return authenticate({.method = "get",
                       .resource = resource,
                       .host = "troupe.example",
                       .port = 443,
                       .authorization = authorization},
                      world(), now);
}

std::string sign(const std::string& id, const std::string& token, Instant when = now) {
  return sign_request({.client_id = id, .access_token = Secret(token)},
                      {.method = "GET", .resource = "/path", .host = "troupe.example", .port = 443},
                      when, "nonce");
}

}  // namespace

TEST_CASE("a header's attributes come in any order", "[hawk]") {
  const std::string text =
      "hAwK \t mac=\"M=\" , nonce=\"n o\",ext=\"e\",  hash=\"h\", id=\"i\", ts=\"1\", dlg=\"d\","
      "app=\"a\" ,";
  const auto parsed = parse_header(text);
  REQUIRE(parsed.ok());
  const Header& header = parsed.value();
  CHECK(header.id == "i");
  CHECK(header.ts == "1");
  CHECK(header.nonce == "n o");
  CHECK(header.hash == "h");
  CHECK(header.ext == "e");
  CHECK(header.mac == "M=");
  CHECK(header.app == "a");
  CHECK(header.dlg == "d");
}

TEST_CASE("a malformed header is refused with its first fault", "[hawk]") {
  const auto [header, message] = GENERATE(table<std::string, std::string>({
      {"", "Bad Request: Invalid header syntax"},
      {"Hawk", "Bad Request: Invalid header syntax"},
      {"Hawk ", "Bad Request: Invalid header syntax"},
      {" Hawk id=\"a\"", "Bad Request: Invalid header syntax"},
      {"Hawk: id=\"a\"", "Bad Request: Invalid header syntax"},
      {"Basic", "Unauthorized: Unauthorized"},
      {"Bearer abc", "Unauthorized: Unauthorized"},
      {"Hawks id=\"a\"", "Unauthorized: Unauthorized"},
      {"Hawk ,", "Bad Request: Bad header format"},
      {"Hawk id", "Bad Request: Bad header format"},
      {"Hawk id=a", "Bad Request: Bad header format"},
      {"Hawk id=\"a", "Bad Request: Bad header format"},
      {"Hawk id = \"a\"", "Bad Request: Bad header format"},
      {"Hawk id=\"a\\\"b\"", "Bad Request: Bad header format"},
      {"Hawk id=\"a\" ts=\"1\"", "Bad Request: Bad header format"},
      {"Hawk id=\"a\",, ts=\"1\"", "Bad Request: Bad header format"},
      {"Hawk id=\"\"", "Bad Request: Bad attribute value: id"},
      {"Hawk nonce=\"a\x01\"", "Bad Request: Bad attribute value: nonce"},
      {"Hawk id=\"\xc3\xa4\"", "Bad Request: Bad attribute value: id"},
      {"Hawk id=\"a\", id=\"a\"", "Bad Request: Duplicate attribute: id"},
      {"Hawk ID=\"a\"", "Bad Request: Unknown attribute: ID"},
      {"Hawk id=\"a\", who=\"b\", id=\"c\"", "Bad Request: Unknown attribute: who"},
      {"Hawk ts=\"1\", nonce=\"n\", mac=\"m\"", "Bad Request: Missing attributes"},
      {"Hawk id=\"a\", nonce=\"n\", mac=\"m\"", "Bad Request: Missing attributes"},
      {"Hawk id=\"a\", ts=\"1\", mac=\"m\"", "Bad Request: Missing attributes"},
      {"Hawk id=\"a\", ts=\"1\", nonce=\"n\"", "Bad Request: Missing attributes"},
  }));
  INFO(header);
  CHECK(fault_of(header) == message);
}

TEST_CASE("a header is as long as its restrictions need", "[hawk]") {
  const auto with = [](const char* attribute, std::size_t size) {
    return whole + ", " + attribute + "=\"" + std::string(size - whole.size() - 8, 'x') + "\"";
  };
  CHECK(fault_of(with("app", 4'096)) == "");
  CHECK(fault_of(with("app", 4'097)) == "Bad Request: Header length too long");
  CHECK(fault_of(with("ext", 16'384)) == "");
  CHECK(fault_of(with("ext", 16'385)) == "Bad Request: Header length too long");
}

TEST_CASE("a client that cannot be is refused before its MAC is looked at", "[hawk]") {
  CHECK(message_of(ask(sign("ci/none", "x"))) == "Client with clientId 'ci/none' not found");
  CHECK(message_of(ask(sign("ci/off", "x"))) == "Client with clientId 'ci/off' is disabled");
  CHECK(message_of(ask(sign("ci/ended", "x"))) == "Client with clientId: 'ci/ended' has expired");
  CHECK(message_of(ask(sign("ci/ends", "token ends"))) == "");
  CHECK(message_of(ask(sign("ci/one", "token two"))) == "Unauthorized: Bad mac");
}

TEST_CASE("a request is valid for a quarter of an hour around its time", "[hawk]") {
  // `now` lies within a second, `ts` does not.
  const auto [seconds, message] = GENERATE(table<int, std::string>({
      {0, ""},
      {899, ""},
      {900, ""},
      {901, "Unauthorized: Stale timestamp"},
      {-899, ""},
      {-900, "Unauthorized: Stale timestamp"},
  }));
  const Instant when{(now.ms / 1'000 + seconds) * 1'000};
  INFO(seconds);
  CHECK(message_of(ask(sign("ci/one", "token one", when))) == message);
}

TEST_CASE("a time that is none is stale", "[hawk]") {
  const std::string ts = GENERATE("", "1e9", "+1000000000", "1000000000.0", "x",
                                  "99999999999999999999", "-1", "1000000000 ");
  if (ts.empty()) return;
  const Secret token("token one");
  const std::string mac = request_mac(Scheme::header, token,
                                      {.ts = ts,
                                       .nonce = "n",
                                       .method = "GET",
                                       .resource = "/path",
                                       .host = "troupe.example",
                                       .port = 443,
                                       .hash = {},
                                       .ext = {},
                                       .app = {},
                                       .dlg = {}});
  INFO(ts);
  CHECK(message_of(ask("Hawk id=\"ci/one\", ts=\"" + ts + "\", nonce=\"n\", mac=\"" + mac +
                       "\"")) == "Unauthorized: Stale timestamp");
}

TEST_CASE("who does not sign is anonymous", "[hawk]") {
  const auto outcome = ask("");
  const auto* nobody = std::get_if<NoAuth>(&outcome);
  REQUIRE(nobody != nullptr);
  CHECK(nobody->scopes.list() == std::vector<std::string>{"assume:anonymous", "see:*"});
  CHECK(nobody->expires == now + std::chrono::minutes(15));
}

TEST_CASE("who signs has its scopes and what everybody has", "[hawk]") {
  const auto outcome = ask(sign("ci/one", "token one"));
  const auto* success = std::get_if<Success>(&outcome);
  REQUIRE(success != nullptr);
  CHECK(success->client_id == "ci/one");
  CHECK(success->scopes.list() == std::vector<std::string>{"a:*", "assume:anonymous", "see:*"});
  CHECK(success->expires == now + Duration(1'000));
  CHECK(success->hash.empty());
}

TEST_CASE("the application of a delegated request is signed too", "[hawk]") {
  SignedParts parts{.ts = "1",
                    .nonce = "n",
                    .method = "get",
                    .resource = "/",
                    .host = "H",
                    .port = 80,
                    .hash = {},
                    .ext = "a\\b\nc",
                    .app = {},
                    .dlg = "d"};
  const std::string head = "hawk.1.header\n1\nn\nGET\n/\nh\n80\n\na\\\\b\\nc\n";
  CHECK(normalized_text(Scheme::header, parts) == head);
  parts.app = "a";
  CHECK(normalized_text(Scheme::header, parts) == head + "a\nd\n");
  parts.dlg = {};
  CHECK(normalized_text(Scheme::header, parts) == head + "a\n\n");
}

TEST_CASE("a body is compared with the hash that was signed", "[hawk]") {
  CHECK(payload_hash("", "") == "B0weSUXsMcb5UhL41FZbrUJCAotzSI3HawE1NPLRUz8=");
  const std::string hash = payload_hash("application/json", "{}");
  CHECK(hash == "vNZvU+y3rJKqH4hu1yxrNuaijNPgIJ2Rgj/sHzsQhXY=");
  CHECK(payload_hash(" Application/JSON ; charset=utf-8", "{}") == hash);
  CHECK_FALSE(payload_fault(hash, "application/json", "{}").has_value());

  const std::string wrong = GENERATE("short", "vNZvU+y3rJKqH4hu1yxrNuaijNPgIJ2Rgj/sHzsQhXX=", "");
  CHECK(payload_fault(wrong, "application/json", "{}") ==
        "Invalid payload hash: " + wrong + "\nComputed payload hash: " + hash +
            "\nThis happens when your request carries a signed hash of the payload and the hash "
            "doesn't match the hash we've computed on the server-side.");
}

TEST_CASE("the hash of a body is handed on", "[hawk]") {
  const auto header = sign_request({.client_id = "ci/one", .access_token = Secret("token one")},
                                   {.method = "GET",
                                    .resource = "/path",
                                    .host = "troupe.example",
                                    .port = 443,
                                    .payload = Payload{"text/plain", "body"}},
                                   now, "nonce");
  const auto outcome = ask(header);
  const auto* success = std::get_if<Success>(&outcome);
  REQUIRE(success != nullptr);
  CHECK(success->hash == payload_hash("text/plain", "body"));
}

}  // namespace troupe::hawk
