// The audit history: two logs an entry, in order, as long as the retention. Source: spec/auth.md,
// section 14.
#include "actors/auth/audit.h"

#include "runtime/store/message.h"
#include "tests/actors/support/auth_messages.h"
#include "tests/actors/support/cast.h"

#include <catch2/catch.hpp>

namespace troupe::test {
namespace {

constexpr Duration day{24 * hour};
const ActorId one = client_id("one");
const ActorId two = client_id("two");

std::vector<std::string> lines(const Cast& cast, const ActorId& log, Page page = {}) {
  std::string next;
  std::vector<std::string> found;
  const MemorySnapshot snapshot = cast.snapshot();
  do {
    next.clear();
    for (const auto& entry : auth::list_audit(snapshot, log, page, next)) {
      found.push_back(entry.client_id + ": " + entry.action + " " + entry.entity_type + " " +
                      entry.entity_id);
    }
    page = read_page(static_cast<std::uint32_t>(page.limit), next);
  } while (!next.empty());
  return found;
}

using Lines = std::vector<std::string>;

TEST_CASE("what was done is known of the entity and of who did it, in order", "[auth][audit]") {
  Cast cast;
  REQUIRE(cast.ask(one, create_client({.by = "ann"})).ok());
  cast.advance(second);
  REQUIRE(cast.ask(two, create_client({.by = "ann"})).ok());
  cast.advance(second);
  REQUIRE(cast.ask(one, disable_client()).ok());
  REQUIRE(cast.ask(one, delete_client()).ok());
  const Lines of_one{"ann: created client one", "static/admin: client disabled client one",
                     "static/admin: deleted client one"};
  const Lines by_ann{"ann: created client one", "ann: created client two"};
  const std::uint32_t limit = GENERATE(1u, 2u, 1000u);
  CHECK(lines(cast, auth::entity_log("client", "one"), read_page(limit, "")) == of_one);
  CHECK(lines(cast, auth::client_log("ann"), read_page(limit, "")) == by_ann);
  CHECK(lines(cast, auth::client_log("one")).empty());
  CHECK(lines(cast, auth::entity_log("role", "one")).empty());

  std::string next;
  const auto entries =
      auth::list_audit(cast.snapshot(), auth::client_log("ann"), read_page(1, ""), next);
  REQUIRE(entries.size() == 1);
  CHECK(entries[0] == auth::AuditEntry{"client", "one", "ann", "created", start});
  CHECK_FALSE(next.empty());
  CHECK(cast.faults.empty());
}

TEST_CASE("a page that ends with the last entry has no next", "[auth][audit]") {
  Cast cast;
  REQUIRE(cast.ask(one, create_client()).ok());
  std::string next;
  CHECK(
      auth::list_audit(cast.snapshot(), auth::entity_log("client", "one"), {1, ""}, next).size() ==
      1);
  CHECK(next.empty());
}

TEST_CASE("entries go when they are older than the retention, the logs with the last",
          "[auth][audit]") {
  Cast cast;
  const ActorId log = auth::entity_log("client", "one");
  REQUIRE(cast.ask(one, create_client()).ok());
  cast.advance(10 * day);
  REQUIRE(cast.ask(one, delete_client()).ok());
  cast.restart();
  cast.advance(20 * day - hour);
  CHECK(lines(cast, log).size() == 2);
  cast.advance(3 * hour);
  CHECK(lines(cast, log) == Lines{"static/admin: deleted client one"});
  CHECK(lines(cast, auth::client_log(admin)).size() == 1);
  cast.advance(10 * day);
  CHECK(cast.rows(log).empty());
  CHECK(cast.timers(log).empty());
  CHECK(cast.rows(auth::client_log(admin)).empty());

  REQUIRE(cast.ask(one, create_client()).ok());  // and begin anew
  CHECK(lines(cast, log) == Lines{"static/admin: created client one"});
  CHECK(cast.timers(log).count(auth::purge_timer) == 1);
  CHECK(cast.faults.empty());
}

TEST_CASE("a long log goes in steps, each with few rows", "[auth][audit]") {
  Cast cast;
  const ActorId log = auth::client_log("busy");
  REQUIRE(cast.ask(one, create_client({.by = "busy"})).ok());
  for (int i = 0; i < 1'000; ++i) {
    auto version = client_in(cast.ask(one, enable_client()).value()).version;
    REQUIRE(cast.ask(one, update_client(version, {.by = "busy"})).ok());
  }
  CHECK(cast.rows(log).count(tables::audit_entries.id) == 1'001);
  cast.now = start + 31 * day;
  cast.fire(log, auth::purge_timer);
  CHECK(cast.rows(log).count(tables::audit_entries.id) == 801);
  CHECK(cast.timers(log).at(auth::purge_timer).due == cast.now);
  cast.advance(Duration{0});
  CHECK(cast.rows(log).empty());
  CHECK(cast.faults.empty());
}

TEST_CASE("a shorter retention holds for logs that grow", "[auth][audit]") {
  MemoryRows rows;
  const ActorId log = auth::client_log("ann");
  const auto record = [&](Duration retention, Instant now, std::uint64_t number) {
    Effects made;
    auth::add_audit(made, {"secret", "s", "ann", "created", now});
    Message message;
    message.source = Message::Source::actor;
    message.body = made.sends.at(1).body;
    const auto actor = auth::audit_kind({retention}).activate(log, rows);
    Effects effects = actor->handle(message, {log, now, number, rows}).value();
    rows.apply(effects.rows);
    return effects.timers;
  };
  REQUIRE(record(30 * day, start, 1).size() == 1);
  CHECK(record(30 * day, start + day, 2).empty());
  const auto timers = record(2 * day, start + 2 * day, 3);
  REQUIRE(timers.size() == 1);
  CHECK(timers[0].due == start + 4 * day + hour);
}

TEST_CASE("a log settles", "[auth][audit]") {
  Cast cast;
  const auto answer = cast.ask(auth::client_log("nobody"), auth::settle_audit());
  REQUIRE(answer.ok());
  CHECK(answer.value().empty());
  CHECK(cast.rows(auth::client_log("nobody")).empty());
}

}  // namespace
}  // namespace troupe::test
