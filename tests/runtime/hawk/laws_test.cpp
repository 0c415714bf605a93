// What is signed is accepted; what was changed afterwards, if only by a bit, is not.
#include "runtime/hawk/authenticate.h"
#include "runtime/hawk/bewit.h"
#include "runtime/hawk/mac.h"
#include "runtime/hawk/sign.h"
#include "tests/runtime/hawk/world.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <algorithm>
#include <string>
#include <vector>

namespace troupe::hawk {
namespace {

constexpr Instant now{1'700'000'000'000};
constexpr Duration hour = std::chrono::hours(1);

// What a caller sends.
struct Sent {
  std::string method;
  std::string resource;
  std::string host;
  std::uint16_t port = 0;
  std::string authorization;
};

std::string text_of(const std::string& letters, std::size_t size_max) {
  const auto size = *rc::gen::inRange<std::size_t>(1, size_max);
  return *rc::gen::container<std::string>(size, rc::gen::elementOf(letters));
}

// Everything that is signed, at random; the client may do all.
struct Scene {
  Credentials credentials;
  Sent sent;
  World world;
  std::string content_type = "application/json";
  std::string body;
};

Scene any_scene() {
  const std::string id = text_of("abcXYZ019/:.+|_-@!", 20);
  const std::string token = text_of("abcXYZ019_-", 45);
  Scene scene{.credentials = {.client_id = id, .access_token = Secret(token)},
              .sent = {.method = *rc::gen::element<std::string>("get", "POST", "Delete"),
                       .resource = "/" + text_of("abc/%2F?&=.+", 30),
                       .host = text_of("abcXYZ-.", 12),
                       .port = *rc::gen::arbitrary<std::uint16_t>(),
                       .authorization = {}},
              .world = World({{id, token, {"*"}, now + hour}}, {}),
              .body = *rc::gen::arbitrary<std::string>()};
  if (*rc::gen::arbitrary<bool>()) {
    auto made = make_temporary(scene.credentials,
                               {.client_id = *rc::gen::element<std::string>("", "temporary name"),
                                .scopes = {"a*", "b"},
                                .start = now,
                                .expiry = now + hour},
                               std::string(44, 's'));
    RC_ASSERT(made.ok());
    scene.credentials = std::move(made).value();
  }
  if (*rc::gen::arbitrary<bool>()) scene.credentials.authorized_scopes = {{"ab", "b"}};
  return scene;
}

Outcome check(const Scene& scene, const Sent& sent) {
  return authenticate({.method = sent.method,
                       .resource = sent.resource,
                       .host = sent.host,
                       .port = sent.port,
                       .authorization = sent.authorization},
                      scene.world, now);
}

bool accepts(const Scene& scene, const Sent& sent) {
  return std::holds_alternative<Success>(check(scene, sent));
}

// Flips one bit, if that is a change: the case of a method and a host means nothing.
bool flip_a_bit(std::string& text, bool any_case) {
  const auto bit = *rc::gen::inRange<std::size_t>(0, text.size() * 8);
  const char before = text[bit / 8];
  text[bit / 8] = static_cast<char>(before ^ (1 << (bit % 8)));
  const char after = text[bit / 8];
  const bool is_letter = (before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z');
  return !(any_case && is_letter && (before ^ after) == 0x20);
}

}  // namespace

TEST_CASE("a signed header is accepted, a changed request is not", "[hawk][law]") {
  rc::prop("whatever is signed", [] {
    Scene scene = any_scene();
    Outgoing request{.method = scene.sent.method,
                     .resource = scene.sent.resource,
                     .host = scene.sent.host,
                     .port = scene.sent.port};
    if (*rc::gen::arbitrary<bool>()) request.payload = {scene.content_type, scene.body};
    Sent sent = scene.sent;
    sent.authorization = sign_request(scene.credentials, request, now, "nonce");

    const auto outcome = check(scene, sent);
    RC_LOG() << message_of(outcome);
    RC_ASSERT(std::holds_alternative<Success>(outcome));
    const auto& success = std::get<Success>(outcome);
    RC_ASSERT(success.client_id == scene.credentials.client_id);
    RC_ASSERT(success.hash.empty() == !request.payload.has_value());
    if (request.payload) {
      RC_ASSERT(!payload_fault(success.hash, scene.content_type, scene.body));
      RC_ASSERT(payload_fault(success.hash, scene.content_type, scene.body + "x").has_value());
    }

    Sent changed = sent;
    switch (*rc::gen::inRange(0, 5)) {
      case 0: RC_PRE(flip_a_bit(changed.method, true)); break;
      case 1: flip_a_bit(changed.resource, false); break;
      case 2: RC_PRE(flip_a_bit(changed.host, true)); break;
      case 3:
        changed.port = static_cast<std::uint16_t>(changed.port ^ (1 << *rc::gen::inRange(0, 16)));
        break;
      default: {
        // Of `Hawk` the case, of the separators nothing matters: any bit of names and values.
        std::string attributes = changed.authorization.substr(5);
        RC_PRE(flip_a_bit(attributes, false));
        changed.authorization = "Hawk " + attributes;
      }
    }
    RC_LOG() << changed.authorization;
    RC_ASSERT(!accepts(scene, changed));
  });
}

TEST_CASE("a signed URL is accepted, a changed one is not", "[hawk][law]") {
  rc::prop("whatever is signed", [] {
    Scene scene = any_scene();
    const std::string origin = "http://" + scene.sent.host + ":" + std::to_string(scene.sent.port);
    const auto url = sign_url(scene.credentials, origin + scene.sent.resource, now + hour);
    RC_ASSERT(url.ok());
    Sent sent = scene.sent;
    sent.method = *rc::gen::element<std::string>("get", "HEAD");
    sent.resource = url.value().substr(origin.size());
    const auto outcome = check(scene, sent);
    RC_LOG() << message_of(outcome) << sent.resource;
    RC_ASSERT(std::holds_alternative<Success>(outcome));

    Sent changed = sent;
    switch (*rc::gen::inRange(0, 3)) {
      case 0: flip_a_bit(changed.resource, false); break;
      case 1: RC_PRE(flip_a_bit(changed.host, true)); break;
      default:
        changed.port = static_cast<std::uint16_t>(changed.port ^ (1 << *rc::gen::inRange(0, 16)));
    }
    RC_LOG() << changed.resource;
    RC_ASSERT(!accepts(scene, changed));
  });
}

TEST_CASE("a bewit may stand anywhere in the query", "[hawk][law]") {
  rc::prop("behind any parameter", [] {
    Scene scene = any_scene();
    scene.sent.host = "h";
    const std::string path = "/" + text_of("abc/", 9);
    const std::vector<std::string> query = *rc::gen::container<std::vector<std::string>>(
        rc::gen::element<std::string>("a=1", "b", "c="));
    std::string plain = path;
    for (std::size_t i = 0; i < query.size(); ++i) plain += (i == 0 ? "?" : "&") + query[i];
    const auto url = sign_url(scene.credentials, "https://h" + plain, now + hour);
    RC_ASSERT(url.ok());
    const std::string bewit = url.value().substr(url.value().rfind("bewit="));

    std::vector<std::string> with_bewit = query;
    const auto at = *rc::gen::inRange<std::size_t>(0, query.size() + 1);
    with_bewit.insert(with_bewit.begin() + static_cast<std::ptrdiff_t>(at), bewit);
    std::string resource = path;
    for (std::size_t i = 0; i < with_bewit.size(); ++i) {
      resource += (i == 0 ? "?" : "&") + with_bewit[i];
    }
    const auto parsed = parse_bewit("get", resource);
    RC_ASSERT(parsed.ok());
    RC_ASSERT(parsed.value().resource == plain);
  });
}

TEST_CASE("no bytes at all break the readers", "[hawk][law]") {
  const World world({}, {});
  rc::prop("in a header", [&world](const std::string& bytes) {
    const std::string header = "Hawk id=\"a\", " + bytes;
    RC_ASSERT(
        !message_of(
             authenticate({.method = "get", .resource = "/", .host = "h", .authorization = header},
                          world, now))
             .empty());
  });
  rc::prop("in a URL", [&world](const std::string& bytes) {
    const std::string resource = "/?bewit=" + bytes;
    RC_ASSERT(
        !message_of(authenticate({.method = "get", .resource = resource, .host = "h"}, world, now))
             .empty());
  });
}

}  // namespace troupe::hawk
