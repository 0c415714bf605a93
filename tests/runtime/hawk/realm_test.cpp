#include "runtime/hawk/realm.h"

#include "runtime/hawk/authenticate.h"
#include "runtime/hawk/sign.h"
#include "tests/runtime/hawk/world.h"

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <vector>

namespace troupe::hawk {
namespace {

using Scopes = std::vector<std::string>;
constexpr Instant now{1'000'000'000'000};

// The scopes of a request by the lone client `tester`, restricted if asked.
Scopes scopes_of(const Scopes& client_scopes, const std::optional<Scopes>& authorized) {
  const Secret token("no-secret");
  const LoneClientRealm realm("tester", token, client_scopes);
  const auto header =
      sign_request({.client_id = "tester", .access_token = token, .authorized_scopes = authorized},
                   {.method = "post", .resource = "/test", .host = "h", .port = 80}, now, "nonce");
  const auto outcome = authenticate(
      {.method = "post", .resource = "/test", .host = "h", .port = 80, .authorization = header},
      realm, now);
  INFO(message_of(outcome));
  const auto* success = std::get_if<Success>(&outcome);
  REQUIRE(success != nullptr);
  return success->scopes.list();
}

}  // namespace

TEST_CASE("the anonymous scope is merged into a list in its place", "[hawk]") {
  const auto [scopes, merged] = GENERATE(table<Scopes, Scopes>({
      {{}, {"assume:anonymous"}},
      {{"scopes:specific", "scopes:another"},
       {"assume:anonymous", "scopes:specific", "scopes:another"}},
      {{"a", "assume:anonymous", "b"}, {"a", "assume:anonymous", "b"}},
      {{"a", "b"}, {"a", "assume:anonymous", "b"}},
      {{"*", "b"}, {"*"}},
      {{"assume:*", "assume:a", "b"}, {"assume:*", "b"}},
      {{"a*", "ab", "c", "b"}, {"a*", "c", "b"}},
      {{"b", "a"}, {"assume:anonymous", "b", "a"}},
      {{"assume:anonymous*"}, {"assume:anonymous*"}},
      {{"a:*", "a:b", "b"}, {"a:*", "assume:anonymous", "b"}},
  }));
  INFO(merged.size());
  CHECK(with_anonymous(scopes) == merged);
}

TEST_CASE("a lone client's scopes are not expanded and keep their order", "[hawk]") {
  CHECK(scopes_of({"test:*", "auth:create-client:test:*"}, std::nullopt) ==
        Scopes{"assume:anonymous", "test:*", "auth:create-client:test:*"});
  CHECK(scopes_of({"scopes:*"}, Scopes{"scopes:specific", "scopes:another"}) ==
        Scopes{"assume:anonymous", "scopes:specific", "scopes:another"});
  CHECK(scopes_of({"scopes:*"}, Scopes{}) == Scopes{"assume:anonymous"});
  CHECK(scopes_of({}, Scopes{"assume:anonymous"}) == Scopes{"assume:anonymous"});
}

TEST_CASE("a lone client is alone", "[hawk]") {
  const LoneClientRealm realm("tester", Secret("no-secret"), {});
  CHECK(realm.find("tester") != nullptr);
  CHECK(realm.find("teste") == nullptr);
  CHECK(realm.find("") == nullptr);
}

}  // namespace troupe::hawk
