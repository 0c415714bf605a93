// Workers' tokens.
#include "actors/auth/client_actor.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

const ActorId client{kinds::client, "worker/w1"};

Result<auth::Transition> tell(const auth::ClientState& state, Bytes body) {
  const MemoryRows rows;
  Message message;
  message.reply_to = {1, 7};
  message.body = std::move(body);
  return auth::transition(state, message, {client, start, 1, rows});
}

std::string token_in(const Result<auth::Transition>& made) {
  Stored<schema::CreatedToken> answer(made.value().effects.replies.at(0).body.value());
  const auto token = answer.get().getAccessToken();
  return {reinterpret_cast<const char*>(token.begin()), token.size()};
}

TEST_CASE("a token is made once", "[auth]") {
  const auto made = tell({}, create_token("local/default", "secret", start + hour));
  REQUIRE(made.ok());
  const auth::ClientState& state = made.value().next;
  CHECK(state.exists);
  CHECK(state.client_id == client.key);
  CHECK(state.pool == "local/default");
  CHECK(state.access_token == "secret");
  CHECK(state.created == start);
  CHECK(state.expires == start + hour);
  CHECK_FALSE(state.revoked);
  REQUIRE(made.value().effects.replies.size() == 1);
  CHECK(made.value().effects.replies[0].to == ReplyTo{1, 7});
  CHECK(token_in(made) == "secret");
  CHECK(tell(state, create_token("other", "x", {})).error().code == Errc::conflict);
}

TEST_CASE("who asks for a token again gets the one that was made", "[auth]") {
  const auto made = tell({}, create_token("local/default", "secret", start + hour));
  const auth::ClientState& state = made.value().next;
  const auto again = tell(state, create_token("local/default", "other", start + hour));
  REQUIRE(again.ok());
  CHECK(again.value().next.access_token == "secret");
  CHECK(token_in(again) == "secret");
  const auto longer = create_token("local/default", "x", start + 2 * hour);
  CHECK(tell(state, longer).error().code == Errc::conflict);
  const auto revoked = tell(state, revoke());
  CHECK(tell(revoked.value().next, create_token("local/default", "x", start + hour)).error().code ==
        Errc::conflict);
}

TEST_CASE("a token is revoked, as often as one likes", "[auth]") {
  CHECK(tell({}, revoke()).error().code == Errc::not_found);
  const auto made = tell({}, create_token("local/default", "secret", {}));
  const auto revoked = tell(made.value().next, revoke());
  REQUIRE(revoked.ok());
  CHECK(revoked.value().next.revoked);
  CHECK(revoked.value().next.access_token == "secret");
  const auto again = tell(revoked.value().next, revoke());
  REQUIRE(again.ok());
  CHECK(again.value().next.revoked);
  // A revoked name is not free.
  CHECK(tell(again.value().next, create_token("p", "x", {})).error().code == Errc::conflict);
}

TEST_CASE("a client outlives a restart", "[auth]") {
  Cast cast;
  const std::string token("a\0b", 3);
  REQUIRE(cast.ask(client, create_token("local/default", token, start + hour)).ok());
  cast.restart();
  CHECK(cast.ask(client, create_token("p", "x", {})).error().code == Errc::conflict);
  CHECK(cast.ask(client, revoke()).ok());
  CHECK(cast.rows(client).count(tables::clients.id) == 1);
  CHECK(cast.faults.empty());
}

}  // namespace
}  // namespace troupe::test
