// Workers' tokens.
#include "actors/auth/client_actor.h"
#include "runtime/store/message.h"
#include "schema/store/auth.capnp.h"
#include "tests/actors/support/auth_messages.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

const ActorId client{kinds::client, "troupe/worker/w1"};

Result<auth::ClientTransition> tell(const auth::ClientState& state, Bytes body) {
  const MemoryRows rows;
  Message message;
  message.reply_to = {1, 7};
  message.body = std::move(body);
  return auth::transition(state, message, {client, start, 1, rows});
}

std::string token_in(const Result<auth::ClientTransition>& made) {
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
  CHECK(state.scopes ==
        std::vector<std::string>{"queue:claim-work:local/default", "queue:worker-id:*"});
  CHECK(state.created == start);
  CHECK(state.expires == start + hour);
  CHECK(state.delete_on_expiration);
  REQUIRE(made.value().effects.timers.size() == 1);
  CHECK(made.value().effects.timers[0].due == start + hour);
  CHECK_FALSE(state.disabled);
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
  CHECK(revoked.value().next.disabled);
  CHECK(revoked.value().next.access_token == "secret");
  const auto again = tell(revoked.value().next, revoke());
  REQUIRE(again.ok());
  CHECK(again.value().next.disabled);
  // A revoked name is not free.
  CHECK(tell(again.value().next, create_token("p", "x", {})).error().code == Errc::conflict);
}

TEST_CASE("a token that was revoked is never enabled again", "[auth]") {
  const auto made = tell({}, create_token("local/default", "secret", start + hour)).value().next;
  const auto ended = GENERATE(true, false) ? revoke() : disable_client();
  const auto revoked = tell(made, ended).value().next;
  REQUIRE(revoked.disabled);
  const auto enabled = tell(revoked, enable_client());
  REQUIRE_FALSE(enabled.ok());
  CHECK(enabled.error().code == Errc::conflict);
  CHECK(enabled.error().detail ==
        "worker token troupe/worker/w1 has been revoked, for ever: make another one with `troupe "
        "worker token create`");
  // Neither another access token nor other properties help.
  const auto reset = tell(revoked, reset_token("other")).value().next;
  CHECK(tell(reset, enable_client()).error().code == Errc::conflict);
}

TEST_CASE("enabling a token that is enabled changes nothing", "[auth]") {
  const auto made = tell({}, create_token("local/default", "secret", start + hour)).value().next;
  const auto enabled = tell(made, enable_client());
  REQUIRE(enabled.ok());
  CHECK_FALSE(enabled.value().next.disabled);
}

// A row as version 0.1 wrote it: it knew nothing but workers' tokens. This one was revoked.
const std::vector<std::uint64_t> old_row = {
    0xe00000000,        0x3000300000000, 0x1a3185c5000,      0x1a318933e80,      0x1,
    0xf200000009,       0x7200000015,    0x1a00000019,       0x772f6570756f7274, 0x6f6c2f72656b726f,
    0x616665642f6c6163, 0x782f746c75,    0x65642f6c61636f6c, 0x746c756166,       0x786f62};

TEST_CASE("a token of an older version has the scopes of a worker of its pool", "[auth]") {
  const auth::ClientState state = auth::decode_client(old_row);
  CHECK(state.scopes ==
        std::vector<std::string>{"queue:claim-work:local/default", "queue:worker-id:*"});
  CHECK(state.client_id == "troupe/worker/local/default/x");
  CHECK(state.pool == "local/default");
  CHECK(state.access_token == "box");
  CHECK(state.expires == start + hour);
  CHECK(state.disabled);
  CHECK_FALSE(state.delete_on_expiration);
  CHECK(state.version == 0);
  CHECK(state.last_modified == start);
  CHECK(state.last_rotated == start);
  CHECK(state.last_date_used == start);
}

TEST_CASE("a token outlives a restart", "[auth]") {
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
