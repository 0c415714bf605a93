// Stored clients, roles and audit logs: a store that nothing is wrong with is clean, damage is
// found and named.
#include "actors/auth/audit.h"
#include "actors/auth/client_actor.h"
#include "actors/auth/roles_actor.h"
#include "actors/lookup.h"
#include "schema/store/auth.capnp.h"
#include "tests/actors/check/stored_stage.h"
#include "tests/actors/support/auth_messages.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace troupe::test {
namespace {

const ActorId leaving = client_id("project/leaving");
const ActorId staying = client_id("project/staying");

// Two clients, one that came and went twice, two roles, and what was done to them.
void play(StoredStage& stage) {
  REQUIRE(stage.ask(leaving, create_client({.delete_on_expiration = true})).ok());
  stage.clock.advance(second);
  REQUIRE(stage.ask(staying, create_client()).ok());
  REQUIRE(stage.ask(client_id("gone"), create_client()).ok());
  REQUIRE(stage.ask(client_id("gone"), delete_client()).ok());
  REQUIRE(stage.ask(client_id("gone"), create_client({.delete_on_expiration = true})).ok());
  REQUIRE(stage.ask(client_id("gone"), delete_client()).ok());
  stage.clock.advance(second);
  REQUIRE(stage.ask(roles_id(), create_role({"a", {"assume:b"}})).ok());
  stage.clock.advance(second);
  REQUIRE(stage.ask(roles_id(), create_role({"b*", {"x<..>"}})).ok());
  stage.wait_until([](const Snapshot& snapshot) {
    return snapshot.count(tables::inbox.id) == 0 && snapshot.count(tables::audit_entries.id) == 16;
  });
}

std::uint64_t number(Store& store, const ActorId& id) {
  return find_actor_number(*store.snapshot(), id);
}

// The actor's `nth` row in a table.
RowOp row_of(Store& store, const TableSpec& table, const ActorId& id, std::size_t nth = 0) {
  RowOp found{table.id, {}, std::nullopt};
  const auto own = number(store, id);
  scan_own(*store.snapshot(), table, own, "", "", [&](std::string_view key, WordSpan value) {
    found.key = own_key(own, key);
    found.value = Bytes(value);
    return nth-- != 0;
  });
  REQUIRE(found.value);
  return found;
}

RowOp without(RowOp row) {
  row.value.reset();
  return row;
}

RowOp with(RowOp row, Bytes value) {
  row.value = std::move(value);
  return row;
}

std::vector<RowOp> without_timer(Store& store, const ActorId& id, const std::string& name) {
  std::vector<RowOp> rows;
  const auto own = number(store, id);
  rows.push_back(
      {tables::timers_of.id, own_key(own, KeyWriter().text(name).prefix()), std::nullopt});
  store.snapshot()->scan(tables::timers.id, "", [&](std::string_view key, WordSpan) {
    KeyReader reader(key);
    reader.u64();
    if (reader.u64() == own) rows.push_back({tables::timers.id, std::string(key), std::nullopt});
    return true;
  });
  REQUIRE(rows.size() == 2);
  return rows;
}

struct Case {
  const char* finding;
  std::vector<RowOp> damage;
};

std::vector<Case> client_cases(Store& store) {
  const RowOp row = row_of(store, tables::clients, staying);
  auth::ClientState leaves = auth::decode_client(row.value->words());
  leaves.delete_on_expiration = true;
  auth::ClientState bare = auth::decode_client(row.value->words());
  bare.access_token.clear();
  auth::ClientState stars = auth::decode_client(row.value->words());
  stars.scopes = {"x**"};
  auth::ClientState stays =
      auth::decode_client(row_of(store, tables::clients, leaving).value->words());
  stays.delete_on_expiration = false;
  return {
      {"C1: no timer, and the client is to go away", {with(row, auth::encode_client(leaves))}},
      {"C1: no timer, and the client is to go away",
       without_timer(store, leaving, auth::expire_timer)},
      {"C1: a timer, and the client is to stay",
       {with(row_of(store, tables::clients, leaving), auth::encode_client(stays))}},
      {"has no token", {with(row, auth::encode_client(bare))}},
      {"C3: a scope ends with two stars", {with(row, auth::encode_client(stars))}},
  };
}

std::vector<Case> role_cases(Store& store) {
  const RowOp a = row_of(store, tables::roles, roles_id(), 0);
  const RowOp b = row_of(store, tables::roles, roles_id(), 1);
  auth::RoleState cycle = auth::decode_role(b.value->words());
  cycle.scopes = {"assume:a"};
  auth::RoleState future = auth::decode_role(a.value->words());
  future.version += 1'000;
  return {
      {"R4: roles are miscounted", {without(a)}},
      {"there is no actor of its number",
       {without(row_of(store, tables::roles_state, roles_id()))}},
      {"Roles may not contain dependency cycles", {with(b, auth::encode_role(cycle))}},
      {"R5: its version is above that of all roles", {with(a, auth::encode_role(future))}},
      {"the row's key is of another role", {with(a, *b.value)}},
  };
}

std::vector<Case> audit_cases(Store& store) {
  const ActorId mine = auth::client_log(admin);
  const ActorId of_gone = auth::entity_log("client", "gone");
  const RowOp third = row_of(store, tables::audit_entries, mine, 2);
  const RowOp of_role = row_of(store, tables::audit_entries, mine, 6);  // behind older ones
  const RowOp other = row_of(store, tables::audit_entries, auth::entity_log("role", "a"));
  return {
      {"its twin in the other log is missing", {without(of_role)}},
      {"A1: a log without entries",
       {without(row_of(store, tables::audit_entries, auth::entity_log("role", "a")))}},
      {"A2: nothing wakes it to let go of old entries",
       without_timer(store, of_gone, auth::purge_timer)},
      {"is in the log of somebody else",
       {with(row_of(store, tables::audit_entries, of_gone), *other.value)}},
      {"the row's key is of another time", {with(third, *other.value)}},
  };
}

bool finds(const std::vector<std::string>& lines, const std::string& what) {
  return std::ranges::any_of(
      lines, [&what](const auto& line) { return line.find(what) != std::string::npos; });
}

TEST_CASE("damage of clients, roles and audit logs is found", "[check][auth]") {
  StoredStage stage;
  play(stage);
  std::map<std::string, std::uint64_t> counts;
  REQUIRE(stage.check(&counts) == std::vector<std::string>{});
  CHECK(counts["client actors"] == 2);
  CHECK(counts["roles"] == 2);
  CHECK(counts["audit actors"] == 6);
  CHECK(counts["audit_entries"] == 16);

  auto cases = client_cases(stage.store());
  for (auto& one : role_cases(stage.store())) cases.push_back(std::move(one));
  for (auto& one : audit_cases(stage.store())) cases.push_back(std::move(one));
  for (const auto& one : cases) {
    INFO(one.finding);
    std::vector<RowOp> repair;
    for (const auto& row : one.damage) {
      const auto snapshot = stage.store().snapshot();
      const auto was = snapshot->get(row.table, row.key);
      repair.push_back({row.table, row.key, was ? std::optional(Bytes(*was)) : std::nullopt});
    }
    stage.damage(one.damage);
    const auto found = stage.check();
    CAPTURE(found);
    CHECK(finds(found, one.finding));
    stage.damage(repair);
    CHECK(stage.check() == std::vector<std::string>{});
  }
}

}  // namespace
}  // namespace troupe::test
