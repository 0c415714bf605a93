// Clients: what each command makes of each state. Source: spec/auth.md, sections 1, 3, 11, 15, 16.
#include "actors/auth/audit.h"
#include "actors/auth/client_actor.h"
#include "actors/auth/rules.h"
#include "runtime/store/message.h"
#include "schema/store/auth.capnp.h"
#include "tests/actors/support/auth_messages.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

#include <functional>

namespace troupe::test {
namespace {

using auth::ClientState;
using Scopes = std::vector<std::string>;

const ActorId client = client_id("project/one");
const ActorId fixed = client_id("static/troupe/one");

/// When and with which number a message comes, and to whom.
struct At {
  Instant now = start;
  std::uint64_t number = 7;
  ActorId to = client;
};

Result<auth::ClientTransition> tell(const ClientState& state, Bytes body, const At& at = {}) {
  const MemoryRows rows;
  Message message;
  message.reply_to = {1, 7};
  message.body = std::move(body);
  return auth::transition(state, message, {at.to, at.now, at.number, rows});
}

Result<auth::ClientTransition> fire(const ClientState& state, Instant now) {
  const MemoryRows rows;
  Message message;
  message.source = Message::Source::timer;
  message.timer = auth::expire_timer;
  return auth::transition(state, message, {client, now, 8, rows});
}

ClientState made(const NewClient& with = {}, const At& at = {}) {
  return tell({}, create_client(with), at).value().next;
}

ClientState answer_of(const Result<auth::ClientTransition>& t) {
  REQUIRE(t.ok());
  REQUIRE(t.value().effects.replies.size() == 1);
  CHECK(t.value().effects.replies[0].to == ReplyTo{1, 7});
  return client_in(t.value().effects.replies[0].body.value());
}

bool is_void(const Result<auth::ClientTransition>& t) {
  return t.ok() && t.value().effects.replies.size() == 1 &&
         t.value().effects.replies[0].body.value().empty();
}

/// Who did what to whom, of the entry that both logs are sent.
std::string audit_of(const Effects& effects) {
  if (effects.sends.empty()) return "";
  REQUIRE(effects.sends.size() == 2);
  Stored<schema::AuditMessage> m(effects.sends[0].body);
  const auto entry = m.get().getRecord();
  CHECK(effects.sends[0].to == auth::entity_log("client", str(entry.getEntityId())));
  CHECK(effects.sends[1].to == auth::client_log(str(entry.getClientId())));
  CHECK(str(entry.getEntityType()) == "client");
  return str(entry.getClientId()) + ": " + str(entry.getAction()) + " " + str(entry.getEntityId());
}

void check_published(const Result<auth::ClientTransition>& t,
                     const std::string& event,
                     const std::string& action) {
  REQUIRE(t.ok());
  const Effects& effects = t.value().effects;
  REQUIRE(effects.events.size() == 1);
  CHECK(effects.events[0].exchange == "exchange/taskcluster-auth/v1/" + event);
  CHECK(effects.events[0].routing_key == "_");
  CHECK(effects.events[0].cc.empty());
  CHECK(effects.events[0].payload == R"({"version":1,"clientId":"project/one"})");
  CHECK(audit_of(effects) == "static/admin: " + action + " project/one");
}

TEST_CASE("a client is created as asked, enabled, with all its dates now", "[auth]") {
  const auto t = tell({}, create_client());
  ClientState expected;
  expected.exists = true;
  expected.client_id = "project/one";
  expected.access_token = "sealed";
  expected.description = "made by a test";
  expected.scopes = {"b", "a"};
  expected.created = start;
  expected.expires = start + 24 * hour;
  expected.last_modified = start;
  expected.last_rotated = start;
  expected.last_date_used = start;
  expected.version = 7;
  CHECK(answer_of(t) == expected);
  CHECK(t.value().next == expected);
  CHECK(t.value().effects.timers.empty());
  check_published(t, "client-created", "created");
}

TEST_CASE("a client may be made without scopes, and with a date in the past", "[auth]") {
  const auto t = tell({}, create_client({.scopes = Scopes{}, .expires = start - hour}));
  CHECK(answer_of(t).scopes.empty());
  CHECK(answer_of(t).expires == start - hour);
}

TEST_CASE("creating again within a quarter of an hour gives the client as it was made", "[auth]") {
  const ClientState state = made();
  const At soon{start + 14 * minute, 9};
  SECTION("with the token of then, and the message and entry once more") {
    const auto t = tell(state, create_client({.token = "other"}), soon);
    CHECK(answer_of(t) == state);
    CHECK(t.value().next == state);
    check_published(t, "client-created", "created");
  }
  SECTION("deleteOnExpiration is neither compared nor changed") {
    const auto t = tell(state, create_client({.delete_on_expiration = true}), soon);
    CHECK_FALSE(answer_of(t).delete_on_expiration);
    CHECK(t.value().effects.timers.empty());
  }
  SECTION("the last moment is before fifteen minutes have passed") {
    CHECK(tell(state, create_client(), {start + 15 * minute - Duration{1}, 9}).ok());
    const auto late = tell(state, create_client(), {start + 15 * minute, 9});
    CHECK(late.error() == Error{Errc::conflict, "Client already exists"});
  }
  SECTION("anything else is a conflict") {
    const auto other =
        GENERATE(NewClient{.scopes = Scopes{"a", "b"}},  // another order
                 NewClient{.scopes = Scopes{"a"}}, NewClient{.expires = start + 25 * hour},
                 NewClient{.description = "other"});
    CHECK(tell(state, create_client(other), soon).error() ==
          Error{Errc::conflict, "Client already exists"});
  }
  SECTION("so is a client that was disabled meanwhile") {
    const auto off = tell(state, disable_client()).value().next;
    CHECK(tell(off, create_client(), soon).error().code == Errc::conflict);
  }
}

TEST_CASE("no scope of a client ends with two stars", "[auth]") {
  const Error refused{Errc::invalid, "scopes must not end with `**`"};
  const NewClient bad{.scopes = Scopes{"a", "x**"}};
  CHECK(tell({}, create_client(bad)).error() == refused);
  CHECK(tell(made(), update_client(7, bad)).error() == refused);
  CHECK(tell({}, update_client(7, bad)).error() == refused);  // before it is looked for
  CHECK(tell({}, create_client({.scopes = Scopes{"a*", "**b", "*"}})).ok());
}

TEST_CASE("an update sets description and dates; scopes stay where none are given", "[auth]") {
  const ClientState state = made({.delete_on_expiration = true});
  const At later{start + hour, 12};
  NewClient with{.description = "new", .scopes = std::nullopt, .expires = start + 2 * hour};
  SECTION("without scopes") {
    const auto t = tell(state, update_client(7, with), later);
    ClientState expected = state;
    expected.description = "new";
    expected.expires = start + 2 * hour;
    expected.delete_on_expiration = false;  // as none was said
    expected.last_modified = later.now;
    expected.version = 12;
    CHECK(answer_of(t) == expected);
    check_published(t, "client-updated", "updated");
  }
  SECTION("scopes that are given replace all, in their order") {
    with.scopes = Scopes{"z", "c*", "a"};
    CHECK(answer_of(tell(state, update_client(7, with), later)).scopes == Scopes{"z", "c*", "a"});
  }
  SECTION("none at all is something that can be given") {
    with.scopes = Scopes{};
    CHECK(answer_of(tell(state, update_client(7, with), later)).scopes.empty());
  }
  SECTION("an expired one is revived by a later date") {
    const ClientState expired = made({.expires = start - hour});
    CHECK(answer_of(tell(expired, update_client(7, with), later)).expires == start + 2 * hour);
  }
  SECTION("a disabled one stays disabled") {
    const auto off = tell(state, disable_client()).value().next;
    CHECK(answer_of(tell(off, update_client(7, with), later)).disabled);
  }
}

TEST_CASE("an update that was authorised by an older row is stale", "[auth]") {
  const ClientState state = made();
  const auto stale = tell(state, update_client(6, {}));
  CHECK(auth::is_stale(stale.error()));
  CHECK(stale.error().code == Errc::stale);
  CHECK_FALSE(auth::is_stale({Errc::conflict, "Client already exists"}));
  SECTION("each change makes another version, uses do not") {
    const auto change = GENERATE(enable_client(), disable_client(), reset_token("x"),
                                 update_client(7, {}), reseal_client(7, "x"));
    CHECK(tell(state, change, {start, 8}).value().next.version == 8);
    CHECK(tell(state, touch_client(), {start + 7 * hour, 8}).value().next.version == 7);
  }
  SECTION("one that was deleted and made again is another") {
    const auto gone = tell(state, delete_client(), {start, 8}).value().next;
    const auto again = tell(gone, create_client(), {start, 9}).value().next;
    CHECK(auth::is_stale(tell(again, update_client(7, {})).error()));
  }
}

TEST_CASE("a client is enabled and disabled, as often as one likes", "[auth]") {
  const ClientState state = made();
  const At later{start + hour, 9};
  const auto off = tell(state, disable_client(), later);
  CHECK(answer_of(off).disabled);
  CHECK(answer_of(off).last_modified == later.now);
  CHECK(answer_of(off).last_rotated == start);
  check_published(off, "client-updated", "client disabled");
  const auto still = tell(off.value().next, disable_client(), {start + 2 * hour, 10});
  CHECK(answer_of(still).disabled);
  CHECK(answer_of(still).last_modified == start + 2 * hour);
  const auto on = tell(off.value().next, enable_client(), {start + 3 * hour, 11});
  CHECK_FALSE(answer_of(on).disabled);
  CHECK(answer_of(on).last_modified == start + 3 * hour);
  check_published(on, "client-updated", "client enabled");
}

TEST_CASE("a reset replaces the token", "[auth]") {
  const auto t = tell(made(), reset_token("fresh"), {start + hour, 9});
  CHECK(answer_of(t).access_token == "fresh");
  CHECK(answer_of(t).last_rotated == start + hour);
  CHECK(answer_of(t).last_modified == start + hour);
  CHECK(answer_of(t).created == start);
  check_published(t, "client-updated", "access token reset");
}

TEST_CASE("what is not there cannot be changed, but deleted", "[auth]") {
  const auto change =
      GENERATE(update_client(0, {}), enable_client(), disable_client(), reset_token("x"));
  CHECK(tell({}, change).error() == Error{Errc::not_found, "Client not found"});
  const auto t = tell({}, delete_client());
  CHECK(is_void(t));
  CHECK(t.value().effects.rows.empty());
  CHECK_FALSE(t.value().effects.remove);
  check_published(t, "client-deleted", "deleted");
}

TEST_CASE("a deleted client is gone", "[auth]") {
  const auto t = tell(made(), delete_client());
  CHECK(is_void(t));
  CHECK_FALSE(t.value().next.exists);
  CHECK(t.value().effects.remove);
  check_published(t, "client-deleted", "deleted");
}

TEST_CASE("a use is written down when the last one is six hours old", "[auth]") {
  const ClientState state = made();
  const auto early = tell(state, touch_client(), {start + 6 * hour - Duration{1}, 9});
  CHECK(is_void(early));
  CHECK(early.value().next == state);
  const auto due = tell(state, touch_client(), {start + 6 * hour, 9});
  CHECK(is_void(due));
  CHECK(due.value().next.last_date_used == start + 6 * hour);
  CHECK(due.value().next.last_modified == start);
  CHECK(audit_of(due.value().effects).empty());
  CHECK(due.value().effects.events.empty());
  CHECK(is_void(tell({}, touch_client())));
}

TEST_CASE("a token goes under another key, unless it was replaced meanwhile", "[auth]") {
  const ClientState state = made();
  const auto t = tell(state, reseal_client(7, "resealed"), {start + hour, 9});
  CHECK(is_void(t));
  CHECK(t.value().next.access_token == "resealed");
  CHECK(t.value().next.last_modified == start);
  CHECK(t.value().next.last_rotated == start);
  const auto late = tell(state, reseal_client(6, "resealed"), {start + hour, 9});
  CHECK(is_void(late));
  CHECK(late.value().next == state);
  CHECK_FALSE(tell({}, reseal_client(0, "x")).value().next.exists);
}

TEST_CASE("a client that is to go away does so after its date", "[auth]") {
  const auto created = tell({}, create_client({.delete_on_expiration = true}));
  REQUIRE(created.value().effects.timers.size() == 1);
  const TimerChange& timer = created.value().effects.timers[0];
  CHECK(timer.name == auth::expire_timer);
  CHECK(timer.due == start + 24 * hour);
  CHECK_FALSE(timer.delay);
  const ClientState& state = created.value().next;

  SECTION("with an entry by auth itself and without a message") {
    const auto t = fire(state, start + 24 * hour);
    REQUIRE(t.ok());
    CHECK(t.value().effects.remove);
    CHECK_FALSE(t.value().next.exists);
    CHECK(t.value().effects.events.empty());
    CHECK(audit_of(t.value().effects) == "static/taskcluster/auth: expired project/one");
  }
  SECTION("a clock that was set back lets it wait on") {
    const auto t = fire(state, start);
    CHECK(t.value().next == state);
    CHECK_FALSE(t.value().effects.remove);
    REQUIRE(t.value().effects.timers.size() == 1);
    CHECK(t.value().effects.timers[0].due == start + 24 * hour);
  }
  SECTION("an update moves the date, or takes it away") {
    const auto later =
        tell(state, update_client(7, {.expires = start + 48 * hour, .delete_on_expiration = true}));
    REQUIRE(later.value().effects.timers.size() == 1);
    CHECK(later.value().effects.timers[0].due == start + 48 * hour);
    const auto never = tell(state, update_client(7, {}));
    REQUIRE(never.value().effects.timers.size() == 1);
    CHECK_FALSE(never.value().effects.timers[0].due);
    const auto late = fire(never.value().next, start + 72 * hour);
    CHECK(late.value().next == never.value().next);
    CHECK_FALSE(late.value().effects.remove);
  }
  SECTION("one made with a date in the past is there for a repeat") {
    const auto past =
        tell({}, create_client({.expires = start - hour, .delete_on_expiration = true}));
    CHECK(past.value().effects.timers.at(0).due == start + 15 * minute);
  }
}

TEST_CASE("static clients are the configuration's", "[auth]") {
  const At at{start, 7, fixed};
  const Error refused{
      Errc::invalid,
      "clientId \"static/troupe/one\" starts with \"static/\" which is reserved for statically "
      "configured clients. Contact your administrator to change static clients."};
  const auto change = GENERATE(create_client(), update_client(0, {}), enable_client(),
                               disable_client(), reset_token("x"), delete_client());
  CHECK(tell({}, change, at).error() == refused);  // whether it exists or not
  CHECK(tell(made({}, {start, 7, client_id("x")}), change, at).error() == refused);
}

TEST_CASE("static clients follow the configuration", "[auth]") {
  const At at{start, 7, fixed};
  const NewClient wanted{.description = "root", .scopes = Scopes{"*"}, .token = "box"};
  const auto first = tell({}, synchronise_client(wanted), at);
  const ClientState state = first.value().next;
  CHECK(answer_of(first) == state);
  CHECK(state.client_id == "static/troupe/one");
  CHECK(state.scopes == Scopes{"*"});
  CHECK(state.access_token == "box");
  CHECK(state.expires == add_years(start, 1000));
  CHECK_FALSE(state.disabled);
  CHECK_FALSE(state.delete_on_expiration);
  CHECK(first.value().effects.events.empty());
  CHECK(audit_of(first.value().effects).empty());

  const At later{start + hour, 9, fixed};
  SECTION("the same again changes nothing") {
    NewClient same = wanted;
    same.token.clear();
    CHECK(tell(state, synchronise_client(same), later).value().next == state);
  }
  SECTION("another text or scope is taken over, the token stays") {
    const NewClient other{.description = "new", .scopes = Scopes{"a"}, .token = ""};
    const ClientState next = tell(state, synchronise_client(other), later).value().next;
    CHECK(next.description == "new");
    CHECK(next.scopes == Scopes{"a"});
    CHECK(next.access_token == "box");
    CHECK(next.last_modified == later.now);
    CHECK(next.last_rotated == start);
    CHECK(next.version == 9);
  }
  SECTION("another token is taken over") {
    NewClient other = wanted;
    other.token = "box 2";
    const ClientState next = tell(state, synchronise_client(other), later).value().next;
    CHECK(next.access_token == "box 2");
    CHECK(next.last_rotated == later.now);
  }
  SECTION("disabled and expired stay as they are") {
    ClientState off = state;
    off.disabled = true;
    off.expires = start - hour;
    const ClientState next = tell(off, synchronise_client(wanted), later).value().next;
    CHECK(next.disabled);
    CHECK(next.expires == start - hour);
  }
  SECTION("one that is named no more goes away without a word") {
    const auto t = tell(state, remove_static(), later);
    CHECK(is_void(t));
    CHECK(t.value().effects.remove);
    CHECK(t.value().effects.events.empty());
    CHECK(is_void(tell({}, remove_static(), later)));
  }
  SECTION("others are not the configuration's") {
    CHECK(tell({}, synchronise_client(wanted)).error().code == Errc::invalid);
    CHECK(tell(made(), remove_static()).error().code == Errc::invalid);
    NewClient bare = wanted;
    bare.token.clear();
    CHECK(tell({}, synchronise_client(bare), at).error().code == Errc::invalid);
  }
}

TEST_CASE("a client outlives restarts, its token and dates with it", "[auth]") {
  Cast cast;
  const NewClient with{.delete_on_expiration = true, .token = std::string("a\0b", 3)};
  const ClientState state = client_in(cast.ask(client, create_client(with)).value());
  cast.restart();
  NewClient again = with;
  again.token = "other";
  CHECK(client_in(cast.ask(client, create_client(again)).value()) == state);
  CHECK(cast.timers(client).at(auth::expire_timer).due == state.expires);
  CHECK(cast.ask(client, touch_client()).ok());
  CHECK(auth::decode_client(cast.rows(client).get(tables::clients.id, "")->words()) == state);

  cast.advance(25 * hour);
  CHECK(cast.rows(client).empty());
  CHECK(cast.ask(client, enable_client()).error().code == Errc::not_found);
  CHECK(cast.ask(client, create_client(with)).ok());
  CHECK(cast.ask(client, delete_client()).ok());
  CHECK(cast.ask(client, delete_client()).ok());
  CHECK(cast.rows(client).empty());
  CHECK(cast.faults.empty());
}

}  // namespace
}  // namespace troupe::test
