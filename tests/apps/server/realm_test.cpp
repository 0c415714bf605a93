#include "apps/troupe/server/realm.h"

#include "apps/troupe/server/shared_expander.h"
#include "tests/actors/support/auth_messages.h"
#include "tests/apps/server/loaded_host.h"

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <future>

namespace troupe::server {
namespace {

using Scopes = std::vector<std::string>;

// Far more than anything here needs: whoever waits for another that is held back waits for ever.
constexpr auto patience = std::chrono::seconds(60);

/// Clients and roles, and a realm that asks `open` for their tokens.
struct Fixture {
  LoadedHost host{{.shards = 1}};
  std::function<void(const std::string& client_id)> on_open = [](const auto&) {};
  std::atomic<int> opened{0};
  Realm realm{host.host(),
              {.open =
                   [this](const std::string& id, const std::string& sealed) {
                     opened += 1;
                     on_open(id);
                     return std::optional<Secret>(sealed);
                   },
               .used = [](const std::string&, Instant) { return false; }}};

  void create_client(const std::string& id, const Scopes& scopes) {
    test::NewClient client;
    client.scopes = scopes;
    host.ask(client_id(id), test::create_client(client));
  }
  void create_role(const std::string& id, const Scopes& scopes) {
    host.ask(roles_id(), test::create_role({.id = id, .scopes = scopes}));
  }
  Scopes scopes_of(const std::string& id) {
    const auto client = realm.find(id);
    REQUIRE(client != nullptr);
    return client->scopes.list();
  }
};

TEST_CASE("nobody waits for another's expansion", "[realm]") {
  const RoleSet roles = RoleSet::of({{"a", {"A"}}, {"b", {"B"}}, {"slow-*", {"S<..>"}}}).value();
  std::array<std::promise<void>, 2> begun;
  std::promise<void> release;
  const auto released = release.get_future().share();
  // An expansion of `assume:slow-I` ends when it is let.
  SharedExpander expander([&](const RoleSet& with, const ScopeSet& scopes) {
    for (const std::size_t i : {0, 1}) {
      if (!scopes.contains("assume:slow-" + std::to_string(i))) continue;
      begun.at(i).set_value();
      released.wait();
    }
    return with.expand(scopes);
  });
  expander.replace(roles);
  const auto expand = [&expander](const std::string& scope) {
    return expander.expand(ScopeSet::of({scope})).value().list();
  };
  const auto later = [&expand](const std::string& scope) {
    return std::async(std::launch::async, expand, scope);
  };
  CHECK(expand("assume:a") == Scopes{"A", "assume:a"});
  auto first = later("assume:slow-0");
  begun[0].get_future().wait();
  auto second = later("assume:slow-1");
  auto known = later("assume:a");
  auto fresh = later("assume:b");
  const bool both_begun = begun[1].get_future().wait_for(patience) == std::future_status::ready;
  const bool is_known = known.wait_for(patience) == std::future_status::ready;
  const bool is_fresh = fresh.wait_for(patience) == std::future_status::ready;

  SECTION("what they come to is kept") {
    release.set_value();
    CHECK(first.get() == Scopes{"S0", "assume:slow-0"});
    CHECK(second.get() == Scopes{"S1", "assume:slow-1"});
    CHECK(expander.kept() == 4);
  }
  SECTION("but not if the roles have changed meanwhile") {
    expander.replace(roles.with({"slow-*", {"T<..>"}}).value());
    release.set_value();
    CHECK(first.get() == Scopes{"S0", "assume:slow-0"});
    CHECK(second.get() == Scopes{"S1", "assume:slow-1"});
    CHECK(expander.kept() == 0);
  }
  CHECK(both_begun);
  CHECK(is_known);
  CHECK(is_fresh);
  CHECK(known.get() == Scopes{"A", "assume:a"});
  CHECK(fresh.get() == Scopes{"B", "assume:b"});
}

TEST_CASE("a realm remembers clients until they or roles change", "[realm]") {
  Fixture f;
  CHECK(f.realm.find("one") == nullptr);
  f.create_client("one", {"assume:r"});
  CHECK(f.scopes_of("one") == Scopes{"assume:r"});
  CHECK(f.scopes_of("one") == Scopes{"assume:r"});
  CHECK(f.opened == 1);
  f.create_role("r", {"x"});
  CHECK(f.scopes_of("one") == Scopes{"assume:r", "x"});
  CHECK(f.opened == 2);
  f.host.ask(client_id("one"), test::disable_client());
  CHECK(f.realm.find("one")->disabled);
  f.host.ask(client_id("one"), test::delete_client());
  CHECK(f.realm.find("one") == nullptr);
}

TEST_CASE("nobody waits while another's scopes are worked out", "[realm]") {
  Fixture f;
  f.create_role("r", {"x"});
  for (const char* id : {"slow/0", "slow/1", "known", "fresh"}) f.create_client(id, {"assume:r"});
  CHECK(f.scopes_of("known") == Scopes{"assume:r", "x"});

  std::array<std::promise<void>, 2> begun;
  std::promise<void> release;
  const auto released = release.get_future().share();
  f.on_open = [&](const std::string& id) {
    if (!id.starts_with("slow/")) return;
    begun.at(id == "slow/0" ? 0 : 1).set_value();
    released.wait();
  };
  const auto in_time = [](auto& future) {
    return future.wait_for(patience) == std::future_status::ready;
  };
  const auto find = [&f](const char* id) {
    return std::async(std::launch::async, [&f, id] { return f.realm.find(id); });
  };
  auto slow = find("slow/0");
  begun[0].get_future().wait();
  auto other = find("slow/1");
  auto other_begun = begun[1].get_future();
  auto known = find("known");
  auto fresh = find("fresh");
  auto expansion = std::async(std::launch::async, [&f] { return f.realm.expansion({"assume:r"}); });
  auto roles = std::async(std::launch::async, [&f] { return f.realm.roles_granting("x"); });
  CHECK(in_time(other_begun));
  CHECK(in_time(known));
  CHECK(in_time(fresh));
  CHECK(in_time(expansion));
  CHECK(in_time(roles));
  release.set_value();
  CHECK(slow.get()->scopes == known.get()->scopes);
  CHECK(other.get()->scopes == fresh.get()->scopes);
  CHECK(expansion.get().list() == Scopes{"assume:r", "x"});
  CHECK(roles.get() == Scopes{"r"});
}

TEST_CASE("who looked up a client before it changed does not bring it back", "[realm]") {
  Fixture f;
  f.create_client("one", {"a"});
  std::promise<void> begun;
  std::promise<void> release;
  std::atomic<bool> is_first{true};
  f.on_open = [&, released = release.get_future().share()](const std::string&) {
    if (!is_first.exchange(false)) return;
    begun.set_value();
    released.wait();
  };
  auto before = std::async(std::launch::async, [&f] { return f.realm.find("one"); });
  begun.get_future().wait();
  f.host.ask(client_id("one"), test::disable_client());
  CHECK(f.realm.find("one")->disabled);
  release.set_value();
  CHECK_FALSE(before.get()->disabled);
  CHECK(f.realm.find("one")->disabled);
  CHECK(f.opened == 2);
}

}  // namespace
}  // namespace troupe::server
