// The published vectors of requests, where TROUPE_CONTRACT_DIR names their folder.
#include "runtime/hawk/bewit.h"
#include "runtime/hawk/certificate.h"
#include "runtime/hawk/header.h"
#include "runtime/hawk/mac.h"
#include "runtime/hawk/sign.h"
#include "tests/runtime/hawk/world.h"
#include "tests/runtime/scopes/contract.h"

#include <catch2/catch.hpp>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <optional>
#include <string>
#include <vector>

namespace troupe::hawk {
namespace {

using Json = rapidjson::Value;

std::string text(const Json& object, const char* name) {
  const auto found = object.FindMember(name);
  if (found == object.MemberEnd() || !found->value.IsString()) return {};
  return {found->value.GetString(), found->value.GetStringLength()};
}

std::string compact(const Json& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

World world_of(const Json& world) {
  std::vector<ClientSpec> clients;
  for (const Json& client : world["clients"].GetArray()) {
    clients.push_back({.client_id = text(client, "clientId"),
                       .access_token = text(client, "accessToken"),
                       .scopes = contract::texts(client["scopes"]),
                       .expires = parse_time(text(client, "expires")).value()});
  }
  std::vector<Role> roles;
  for (const Json& role : world["roles"].GetArray()) {
    roles.push_back({text(role, "roleId"), contract::texts(role["scopes"])});
  }
  return {clients, std::move(roles)};
}

struct Vectors {
  rapidjson::Document json;
  World world;
  Instant now;
};

// Nothing, and a warning, if there is no contract to test against.
std::optional<Vectors> load() {
  const auto folder = contract::folder();
  if (!folder) {
    WARN("skipped: TROUPE_CONTRACT_DIR does not name the folder of the published contract");
    return std::nullopt;
  }
  auto json = contract::read(*folder + "/auth-vectors.json");
  REQUIRE(json.IsObject());
  World world = world_of(json["world"]);
  const Instant now{json["clock"]["nowMs"].GetInt64()};
  return Vectors{std::move(json), std::move(world), now};
}

std::uint16_t port_of(const Json& object) {
  return static_cast<std::uint16_t>(object["port"].GetUint());
}

// What the service `auth` is asked, and answers.
void check_exchange(const Vectors& vectors, const Json& request, const Json& response) {
  const std::string method = text(request, "method");
  const std::string resource = text(request, "resource");
  const std::string host = text(request, "host");
  const std::string authorization = text(request, "authorization");
  const auto outcome = authenticate({.method = method,
                                     .resource = resource,
                                     .host = host,
                                     .port = port_of(request),
                                     .authorization = authorization},
                                    vectors.world, vectors.now);
  const std::string status = text(response, "status");
  CHECK(message_of(outcome) == text(response, "message"));
  if (status == "auth-success") {
    const auto* success = std::get_if<Success>(&outcome);
    REQUIRE(success != nullptr);
    CHECK(success->client_id == text(response, "clientId"));
    CHECK(success->scopes.list() == contract::texts(response["scopes"]));
    CHECK(format_time(success->expires) == text(response, "expires"));
    CHECK(success->hash == text(response, "hash"));
  } else if (status == "no-auth") {
    const auto* nobody = std::get_if<NoAuth>(&outcome);
    REQUIRE(nobody != nullptr);
    CHECK(nobody->scopes.list() == contract::texts(response["scopes"]));
    CHECK(format_time(nobody->expires) == text(response, "expires"));
  } else {
    CHECK(status == "auth-failed");
  }
}

Credentials credentials_of(const Json& vector) {
  Credentials credentials{.client_id = text(vector["credentials"], "id"),
                          .access_token = Secret(text(vector["credentials"], "key"))};
  if (!vector.HasMember("extJson")) return credentials;
  const Json& ext = vector["extJson"];
  if (ext.HasMember("certificate")) credentials.certificate = compact(ext["certificate"]);
  if (ext.HasMember("authorizedScopes")) {
    credentials.authorized_scopes = contract::texts(ext["authorizedScopes"]);
  }
  return credentials;
}

}  // namespace

TEST_CASE("bodies hash as published", "[hawk][vectors]") {
  const auto vectors = load();
  if (!vectors) return;
  for (const Json& v : vectors->json["payloadHash"].GetArray()) {
    INFO(text(v, "hashedText"));
    const std::string hash = text(v, "hash");
    CHECK(payload_hash(text(v, "contentType"), text(v, "payload")) == hash);
    CHECK_FALSE(payload_fault(hash, text(v, "contentType"), text(v, "payload")).has_value());
  }
}

TEST_CASE("headers are signed and accepted as published", "[hawk][vectors]") {
  const auto vectors = load();
  if (!vectors) return;
  for (const Json& v : vectors->json["hawkHeader"].GetArray()) {
    INFO(text(v, "name"));
    const std::string ts = std::to_string(v["ts"].GetInt64());
    const std::string nonce = text(v, "nonce");
    const std::string method = text(v["request"], "method");
    const std::string resource = text(v, "resource");
    const std::string host = text(v, "host");
    const std::string hash = text(v, "hash");
    const std::string ext = text(v, "ext");
    const SignedParts parts{.ts = ts,
                            .nonce = nonce,
                            .method = method,
                            .resource = resource,
                            .host = host,
                            .port = port_of(v),
                            .hash = hash,
                            .ext = ext,
                            .app = {},
                            .dlg = {}};
    const Credentials credentials = credentials_of(v);
    CHECK(normalized_text(Scheme::header, parts) == text(v, "normalizedString"));
    CHECK(request_mac(Scheme::header, credentials.access_token, parts) == text(v, "mac"));
    check_exchange(*vectors, v["authenticateHawk"]["request"], v["authenticateHawk"]["response"]);

    const std::string authorization = text(v, "authorization");
    const auto header = parse_header(authorization);
    REQUIRE(header.ok());
    CHECK(header.value().ext == ext);
    CHECK(header.value().hash == hash);

    // Our own headers look like those of the clients in JavaScript.
    const std::string name = text(v, "name");
    if (name.starts_with("python-") || name.starts_with("go-") || name.starts_with("unknown-")) {
      continue;
    }
    const std::string content_type = text(v["request"], "contentType");
    const std::string body = text(v["request"], "body");
    Outgoing request{.method = method, .resource = resource, .host = host, .port = port_of(v)};
    if (!hash.empty()) request.payload = {content_type, body};
    const auto signed_header =
        sign_request(credentials, request, Instant{v["ts"].GetInt64() * 1'000}, nonce);
    CHECK(signed_header == authorization);
  }
}

TEST_CASE("URLs are signed and accepted as published", "[hawk][vectors]") {
  const auto vectors = load();
  if (!vectors) return;
  for (const Json& v : vectors->json["bewit"].GetArray()) {
    INFO(text(v, "name"));
    const Json& request = v["authenticateHawk"]["request"];
    const auto bewit = parse_bewit("get", text(request, "resource"));
    REQUIRE(bewit.ok());
    CHECK(bewit.value().resource == text(v, "resourceSigned"));
    CHECK(bewit.value().mac == text(v, "mac"));
    CHECK(bewit.value().ext == text(v, "ext"));
    check_exchange(*vectors, request, v["authenticateHawk"]["response"]);

    const Instant expires{v["expirySeconds"].GetInt64() * 1'000};
    const auto url = sign_url(credentials_of(v), text(v, "url"), expires);
    REQUIRE(url.ok());
    // We put it last; some clients sort the query.
    if (text(v, "name") != "before-query") CHECK(url.value() == text(v, "signedUrl"));
  }
}

TEST_CASE("temporary credentials are issued as published", "[hawk][vectors]") {
  const auto vectors = load();
  if (!vectors) return;
  for (const Json& v : vectors->json["temporaryCredentials"].GetArray()) {
    INFO(text(v, "name"));
    const Credentials issuer{.client_id = text(v["issuer"], "clientId"),
                             .access_token = Secret(text(v["issuer"], "accessToken"))};
    const Json& wanted = v["requested"];
    const auto made = make_temporary(issuer,
                                     {.client_id = text(wanted, "clientId"),
                                      .scopes = contract::texts(wanted["scopes"]),
                                      .start = {wanted["start"].GetInt64()},
                                      .expiry = {wanted["expiry"].GetInt64()}},
                                     text(wanted, "seed"));
    REQUIRE(made.ok());
    CHECK(made.value().client_id == text(v["resulting"], "clientId"));
    CHECK(made.value().access_token == Secret(text(v["resulting"], "accessToken")));
    CHECK(made.value().certificate == text(v["resulting"], "certificate"));

    Certificate certificate;
    certificate.seed = text(wanted, "seed");
    certificate.start = wanted["start"].GetDouble();
    certificate.expiry = wanted["expiry"].GetDouble();
    certificate.scopes = contract::texts(wanted["scopes"]);
    CHECK(signed_text(certificate, {made.value().client_id, issuer.client_id}) ==
          text(v, "signatureText"));
  }
}

TEST_CASE("requests are accepted and rejected as published", "[hawk][vectors]") {
  const auto vectors = load();
  if (!vectors) return;
  for (const char* list : {"accepted", "rejected"}) {
    REQUIRE(vectors->json[list].Size() > 0);
    for (const Json& v : vectors->json[list].GetArray()) {
      INFO(list << ": " << text(v, "name"));
      check_exchange(*vectors, v["request"], v["response"]);
    }
  }
}

}  // namespace troupe::hawk
