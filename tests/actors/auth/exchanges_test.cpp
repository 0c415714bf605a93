// What auth publishes, against what the references tell of it.
#include "actors/auth/events.h"
#include "actors/auth/roles_actor.h"
#include "tests/actors/support/auth_messages.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>
#include <rapidjson/document.h>

#include <map>
#include <set>

namespace troupe::test {
namespace {

TEST_CASE("each change of a client or role is published in its transaction, and referred to",
          "[auth][events]") {
  Cast cast;
  const ActorId client = client_id("project/one");
  for (const auto& change :
       {create_client(), disable_client(), reset_token("x"), delete_client()}) {
    REQUIRE(cast.ask(client, change).ok());
  }
  const auto role = cast.ask(roles_id(), create_role({.id = "r", .scopes = {"a"}}));
  REQUIRE(role.ok());
  const NewRole changed{.id = "r", .scopes = {"b"}};
  REQUIRE(cast.ask(roles_id(), update_role(role_in(role.value()).version, changed)).ok());
  REQUIRE(cast.ask(roles_id(), delete_role("r")).ok());

  const auto reference = auth::exchanges();
  std::map<std::string, const api::Exchange*> known;
  for (const auto& exchange : reference.exchanges) {
    known[api::exchange_prefix("auth") + exchange.name] = &exchange;
  }
  std::set<std::string> published;
  for (const Event& event : cast.events) {
    INFO(event.exchange);
    published.insert(event.exchange);
    REQUIRE(known.contains(event.exchange));
    CHECK(event.routing_key == "_");
    rapidjson::Document payload;
    payload.Parse(event.payload.c_str());
    REQUIRE(payload.IsObject());
    const auto& properties = reference.schemas.at(known[event.exchange]->schema);
    CHECK(payload.MemberCount() == properties.size());
    for (const auto& property : properties) CHECK(payload.HasMember(property.name.c_str()));
  }
  CHECK(published.size() == known.size());
}

}  // namespace
}  // namespace troupe::test
