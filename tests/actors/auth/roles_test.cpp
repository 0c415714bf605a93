// Roles: what each command makes of each set of them. Source: spec/auth.md, sections 1, 7, 11, 15.
#include "actors/auth/audit.h"
#include "actors/auth/queries.h"
#include "actors/auth/roles_actor.h"
#include "actors/auth/rules.h"
#include "runtime/store/message.h"
#include "tests/actors/support/auth_messages.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

using Scopes = std::vector<std::string>;
using auth::RoleState;

RoleState create(Cast& cast, const NewRole& role) {
  return role_in(cast.ask(roles_id(), create_role(role)).value());
}

Error refused(Cast& cast, Bytes command) {
  const std::uint64_t before = auth::roles_version(cast.snapshot());
  const auto answer = cast.ask(roles_id(), std::move(command));
  REQUIRE_FALSE(answer.ok());
  CHECK(auth::roles_version(cast.snapshot()) == before);
  return answer.error();
}

std::vector<std::string> events_of(Cast& cast) {
  std::vector<std::string> found;
  for (const Event& event : cast.events) {
    CHECK(event.routing_key == "_");
    CHECK(event.cc.empty());
    CHECK(event.exchange.starts_with("exchange/taskcluster-auth/v1/"));
    found.push_back(event.exchange.substr(event.exchange.rfind('/') + 1) + " " + event.payload);
  }
  cast.events.clear();
  return found;
}

std::vector<std::string> history(const Cast& cast, const std::string& role_id) {
  std::string next;
  std::vector<std::string> found;
  for (const auto& entry :
       auth::list_audit(cast.snapshot(), auth::entity_log("role", role_id), {}, next)) {
    found.push_back(entry.client_id + ": " + entry.action);
  }
  return found;
}

std::vector<std::string> ids(const std::vector<RoleState>& roles) {
  std::vector<std::string> found;
  for (const auto& role : roles) found.push_back(role.role_id);
  return found;
}

TEST_CASE("a role is created with its scopes in scope order", "[auth][roles]") {
  Cast cast;
  const RoleState role = create(cast, {"r/1 *", {"c", "b", "b*", "assume:x", "ba"}, "text"});
  CHECK(role.role_id == "r/1 *");
  // Sorted, and nothing else: `b*` covers three of them.
  CHECK(role.scopes == Scopes{"assume:x", "b*", "b", "ba", "c"});
  CHECK(role.description == "text");
  CHECK(role.created == start);
  CHECK(role.last_modified == start);
  CHECK(role.version == auth::roles_version(cast.snapshot()));
  CHECK(auth::find_role(cast.snapshot(), "r/1 *") == role);
  CHECK(events_of(cast) == Scopes{R"(role-created {"version":1,"roleId":"r/1 *"})"});
  CHECK(history(cast, "r/1 *") == Scopes{"static/admin: created"});
  CHECK(cast.faults.empty());
}

TEST_CASE("creating a role again gives it as it is, whenever that is", "[auth][roles]") {
  Cast cast;
  const RoleState role = create(cast, {"r", {"a", "b"}});
  const auto version = auth::roles_version(cast.snapshot());
  events_of(cast);
  cast.advance(1000 * hour);
  cast.restart();
  CHECK(create(cast, {"r", {"b", "a"}}) == role);
  CHECK(auth::roles_version(cast.snapshot()) == version);
  CHECK(events_of(cast) == Scopes{R"(role-created {"version":1,"roleId":"r"})"});
  CHECK(history(cast, "r").size() == 1);  // the first is past its retention

  const Error conflict{Errc::conflict, "Role with roleId 'r' already exists"};
  CHECK(refused(cast, create_role({"r", {"a"}})) == conflict);
  CHECK(refused(cast, create_role({"r", {"a", "b", "c"}})) == conflict);
  CHECK(refused(cast, create_role({"r", {"a", "b"}, "other"})) == conflict);

  SECTION("sets are compared, also with what an update has left in its order") {
    const auto updated =
        role_in(cast.ask(roles_id(), update_role(version, {"r", {"z", "y"}})).value());
    CHECK(updated.scopes == Scopes{"z", "y"});
    CHECK(create(cast, {"r", {"y", "z"}}) == updated);
  }
}

TEST_CASE("an update replaces scopes and text", "[auth][roles]") {
  Cast cast;
  const RoleState role = create(cast, {"r", {"a", "b"}});
  create(cast, {"other"});
  const auto version = auth::roles_version(cast.snapshot());
  cast.advance(hour);
  events_of(cast);
  SECTION("in the order given, with a new date") {
    const auto answer = cast.ask(roles_id(), update_role(version, {"r", {"c", "a"}, "new"}));
    const RoleState updated = role_in(answer.value());
    CHECK(updated.scopes == Scopes{"c", "a"});
    CHECK(updated.description == "new");
    CHECK(updated.created == role.created);
    CHECK(updated.last_modified == start + hour);
    CHECK(updated.version > version);
    CHECK(auth::roles_version(cast.snapshot()) == updated.version);
    CHECK(auth::find_role(cast.snapshot(), "r") == updated);
    CHECK(events_of(cast) == Scopes{R"(role-updated {"version":1,"roleId":"r"})"});
    CHECK(history(cast, "r") == Scopes{"static/admin: created", "static/admin: updated"});
  }
  SECTION("is stale if any role has changed since its caller was authorised") {
    CHECK(auth::is_stale(refused(cast, update_role(role.version, {"r"}))));
    CHECK(auth::is_stale(refused(cast, update_role(version + 1, {"r"}))));
  }
  SECTION("of what is not there is refused") {
    CHECK(refused(cast, update_role(version, {"x"})) ==
          Error{Errc::not_found, "Role with roleId 'x' not found"});
  }
}

TEST_CASE("a role is deleted, also if there is none", "[auth][roles]") {
  Cast cast;
  create(cast, {"r", {"a"}});
  const auto version = auth::roles_version(cast.snapshot());
  events_of(cast);
  const auto gone = cast.ask(roles_id(), delete_role("r"));
  CHECK(gone.value().empty());
  CHECK_FALSE(auth::find_role(cast.snapshot(), "r"));
  CHECK(auth::roles_version(cast.snapshot()) > version);
  CHECK(events_of(cast) == Scopes{R"(role-deleted {"version":1,"roleId":"r"})"});

  const auto after = auth::roles_version(cast.snapshot());
  CHECK(cast.ask(roles_id(), delete_role("r")).value().empty());
  CHECK(auth::roles_version(cast.snapshot()) == after);
  CHECK(events_of(cast) == Scopes{R"(role-deleted {"version":1,"roleId":"r"})"});
  CHECK(history(cast, "r").size() == 3);
  // Its name is free, and the new one's version is its own.
  CHECK(create(cast, {"r", {"b"}}).version > after);
}

TEST_CASE("a set that would not be valid is refused and changes nothing", "[auth][roles]") {
  Cast cast;
  create(cast, {"a", {"assume:b"}});
  const auto version = auth::roles_version(cast.snapshot());
  CHECK(refused(cast, create_role({"b", {"assume:a"}}))
            .detail.starts_with("Roles may not contain dependency cycles, found: 'assume:"));
  CHECK(refused(cast, create_role({"root", {"*"}})) ==
        Error{Errc::invalid,
              "Roles may not contain dependency cycles, found: 'assume:root' -> 'assume:root'"});
  CHECK(refused(cast, update_role(version, {"a", {"assume:a"}})) ==
        Error{Errc::invalid,
              "Roles may not contain dependency cycles, found: 'assume:a' -> 'assume:a'"});
  CHECK(refused(cast, create_role({"p*", {"x<..>y<..>"}})) ==
        Error{Errc::invalid, "parameterized scope 'x<..>y<..>' contains multiple '<..>'"});
  CHECK(cast.ask(roles_id(), create_role({"b", {"c"}})).ok());
  bool more = false;
  CHECK(ids(auth::list_roles(cast.snapshot(), {}, more)) == Scopes{"a", "b"});
}

TEST_CASE("no scope of a role ends with two stars, and that is seen first", "[auth][roles]") {
  Cast cast;
  create(cast, {"r", {"a"}});
  const Error bad{Errc::invalid, "scopes must not end with `**`"};
  CHECK(refused(cast, create_role({"r", {"a**"}})) == bad);
  CHECK(refused(cast, create_role({"new*", {"x", "a***"}})) == bad);
  CHECK(refused(cast, update_role(0, {"none", {"a**"}})) == bad);
}

TEST_CASE("roles are listed in order of their ids", "[auth][roles]") {
  Cast cast;
  const std::string base(450, 'x');  // longer than what a key keeps
  for (const auto& id :
       {base + "2", std::string("b"), std::string("a*"), base + "1", std::string("a")}) {
    create(cast, {id});
  }
  const MemorySnapshot snapshot = cast.snapshot();
  bool more = true;
  const auto all = ids(auth::list_roles(snapshot, {}, more));
  CHECK_FALSE(more);
  REQUIRE(all.size() == 5);
  CHECK(Scopes(all.begin(), all.begin() + 3) == Scopes{"a", "a*", "b"});
  CHECK(ids(auth::list_roles(snapshot, {.offset = 0, .limit = 2}, more)) == Scopes{"a", "a*"});
  CHECK(more);
  CHECK(ids(auth::list_roles(snapshot, {.offset = 2, .limit = 2}, more)) == Scopes{all[2], all[3]});
  CHECK(more);
  CHECK(ids(auth::list_roles(snapshot, {.offset = 3, .limit = 2}, more)).size() == 2);
  CHECK_FALSE(more);
  CHECK(auth::list_roles(snapshot, {.offset = 9, .limit = 2}, more).empty());
  CHECK_FALSE(more);
  CHECK(auth::find_role(snapshot, base + "2")->role_id == base + "2");
  CHECK_FALSE(auth::find_role(snapshot, base + "3"));
  CHECK_FALSE(auth::find_role(snapshot, ""));
  CHECK(auth::roles_version(MemorySnapshot()) == 0);
}

TEST_CASE("a role may have more scopes than a row holds", "[auth][roles]") {
  Cast cast;
  Scopes scopes;
  for (int i = 10'000; i < 15'000; ++i) scopes.push_back("scope/" + std::to_string(i));
  CHECK(create(cast, {"r", scopes}).scopes == scopes);
}

// Each command is on the way alone: validity, row, event and two entries of the history.
TEST_CASE("ten thousand roles are created one after the other, and read again", "[auth][roles]") {
  Cast cast;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = std::to_string(i);
    NewRole role{"project:" + id + ":*", {"queue:route:" + id + ".<..>", "secrets:get:" + id}};
    if (i % 10 != 0) role.scopes.push_back("assume:project:" + std::to_string(i - 1) + ":x");
    REQUIRE(cast.ask(roles_id(), create_role(role)).ok());
  }
  cast.restart();
  const Error conflict = refused(cast, create_role({"project:5000:*", {"x"}}));
  CHECK(conflict.code == Errc::conflict);
  CHECK(refused(cast, create_role({"project:4:x", {"assume:project:9:x"}})).code == Errc::invalid);
  CHECK(cast.faults.empty());
}

}  // namespace
}  // namespace troupe::test
