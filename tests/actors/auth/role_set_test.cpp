#include "actors/auth/role_set.h"

#include "actors/auth/scope_expander.h"
#include "tests/runtime/scopes/contract.h"

#include <catch2/catch.hpp>

namespace troupe {
namespace {

using Scopes = std::vector<std::string>;
using Roles = std::vector<Role>;

RoleSet set_of(const Roles& roles) {
  auto set = RoleSet::of(roles);
  if (!set.ok()) FAIL(set.error().detail);
  return std::move(set).value();
}

Scopes expanded(const Roles& roles, const Scopes& scopes) {
  return set_of(roles).expand(ScopeSet::of(scopes)).value().list();
}

std::string error_of(const Roles& roles) {
  const Status status = check_role_set(roles);
  if (status.ok()) return "ok";
  CHECK(status.error().code == Errc::invalid);
  return status.error().detail;
}

std::string cycle(const std::string& path) {
  return "Roles may not contain dependency cycles, found: " + path;
}

Roles published_roles(const rapidjson::Value& roles) {
  Roles all;
  for (const auto& role : roles.GetArray()) {
    all.push_back({role["roleId"].GetString(), contract::texts(role["scopes"])});
  }
  return all;
}

}  // namespace

TEST_CASE("roles give their scopes to who assumes them", "[roles]") {
  struct Row {
    Roles roles;
    Scopes scopes;
    Scopes expanded;
  };
  const Roles plain = {{"a", {"A"}}, {"b", {"B"}}};
  const Roles prefixes = {{"*", {"ALL"}}, {"a", {"A"}}, {"a*", {"A:*"}}, {"ab", {"AB"}}};
  const Roles parameter = {{"p:*", {"x:<..>:y", "assume:q-<..>/*", "assume:<.."}},
                           {"q-*", {"z:<..>"}},
                           {"lit", {"w:<..>"}}};
  const auto row = GENERATE_COPY(values<Row>({
      {{}, {"b", "a", "c*"}, {"a", "b", "c*"}},
      {plain, {"assume:a"}, {"A", "assume:a"}},
      {plain, {"assume:c"}, {"assume:c"}},
      {plain, {"a*"}, {"A", "B", "a*"}},
      {plain, {"assume*"}, {"A", "B", "assume*"}},
      {plain, {"assume:*"}, {"A", "B", "assume:*"}},
      {plain, {"assume"}, {"assume"}},
      {plain, {"assumed:a", "b*", "s*"}, {"assumed:a", "b*", "s*"}},
      {plain, {"*"}, {"*"}},
      {prefixes, {"assume:"}, {"ALL", "assume:"}},
      {prefixes, {"assume:a"}, {"A", "A:*", "ALL", "assume:a"}},
      {prefixes, {"assume:ab"}, {"A:*", "AB", "ALL", "assume:ab"}},
      {prefixes, {"assume:ab*"}, {"A:*", "AB", "ALL", "assume:ab*"}},
      {parameter, {"assume:p:1"}, {"assume:<..", "assume:p:1", "assume:q-1/*", "x:1:y", "z:1/*"}},
      {parameter, {"assume:p:"}, {"assume:<..", "assume:p:", "assume:q-/*", "x::y", "z:/*"}},
      {parameter, {"assume:p:1*"}, {"assume:<..", "assume:p:1*", "assume:q-1*", "x:1*", "z:1*"}},
      {parameter, {"assume:p*"}, {"assume:<..", "assume:p*", "assume:q-*", "x:*", "z:*"}},
      {parameter, {"assume:lit"}, {"assume:lit", "w:<..>"}},
  }));
  INFO(Catch::Detail::stringify(row.scopes));
  CHECK(expanded(row.roles, row.scopes) == row.expanded);
}

TEST_CASE("only one final star of an input stands for more", "[roles]") {
  const Roles roles = {{"A*", {"d<..>", "f<..>g"}}, {"A*B", {"star"}}, {"A", {"no"}}};
  CHECK(expanded(roles, {"assume:AX*X"}) == Scopes{"assume:AX*X", "dX*X", "fX*Xg"});
  CHECK(expanded(roles, {"assume:AZ**"}) == Scopes{"assume:AZ**", "dZ**", "fZ**"});
  CHECK(expanded(roles, {"assume:A**"}) == Scopes{"assume:A**", "d**", "f**", "star"});
}

TEST_CASE("role sets with cycles or unclear parameters are refused", "[roles]") {
  struct Row {
    Roles roles;
    std::string error;
  };
  const auto [roles, error] = GENERATE(values<Row>({
      {{}, "ok"},
      {{{"a", {"assume:c"}}, {"b", {"assume:c"}}, {"c", {"assume:e"}}}, "ok"},
      {{{"a", {"assume:c"}}, {"c", {"assume:a"}}}, cycle("'assume:a' -> 'assume:c' -> 'assume:a'")},
      {{{"c", {"assume:a"}}, {"a", {"assume:c"}}}, cycle("'assume:a' -> 'assume:c' -> 'assume:a'")},
      {{{"a", {"assume:b"}}, {"b", {"x", "assume:c"}}, {"c", {"assume:b"}}},
       cycle("'assume:b' -> 'assume:c' -> 'assume:b'")},
      {{{"abc", {"assume:ab*"}}}, cycle("'assume:abc' -> 'assume:abc'")},
      {{{"ab*", {"assume:abc"}}}, cycle("'assume:ab*' -> 'assume:ab*'")},
      {{{"admin", {"*"}}}, cycle("'assume:admin' -> 'assume:admin'")},
      {{{"admin", {"assum*"}}}, cycle("'assume:admin' -> 'assume:admin'")},
      {{{"admin", {"assume:*"}}}, cycle("'assume:admin' -> 'assume:admin'")},
      {{{"admin", {"b*", "assume", "assume:admins"}}}, "ok"},
      {{{"a*", {"assume:b<..>"}}, {"b*", {"assume:a<..>x"}}},
       cycle("'assume:a*' -> 'assume:b*' -> 'assume:a*'")},
      {{{"b*", {"as<..>"}}}, cycle("'assume:b*' -> 'assume:b*'")},
      {{{"b*", {"at<..>"}}}, "ok"},
      {{{"a*", {"assume:b<..>c<..>"}}},
       "parameterized scope 'assume:b<..>c<..>' contains multiple '<..>'"},
      {{{"a*", {"ok", "b*<..>"}}},
       "parameterized scope 'b*<..>' ends with '*<..>' which implies an ambiguous kleene"},
      {{{"a*", {"assume:b*<..>c"}}}, "ok"},
      {{{"a", {"x<..>y<..>", "b*<..>"}}}, "ok"},
      {{{"a", {}}, {"a", {"b"}}}, "the role 'a' is there twice"},
  }));
  INFO(roles.size() << " roles, " << error);
  CHECK(error_of(roles) == error);
  CHECK(RoleSet::of(roles).ok() == (error == "ok"));
}

TEST_CASE("roles are added, changed and taken away one by one", "[roles]") {
  const RoleSet empty;
  const RoleSet one = empty.with({"team:*", {"x:<..>"}}).value();
  const RoleSet two = one.with({"team:a", {"assume:team-admin"}}).value();
  CHECK(empty.size() == 0);
  CHECK(one.size() == 1);
  CHECK(two.size() == 2);
  REQUIRE(two.find("team:a") != nullptr);
  CHECK(two.find("team:a")->role() == Role{"team:a", {"assume:team-admin"}});
  CHECK(two.find("team:") == nullptr);
  CHECK(two.find("tea*") == nullptr);
  CHECK(one.find("team:a") == nullptr);

  SECTION("a change that makes a cycle leaves the set as it was") {
    const auto refused = two.with({"team-admin", {"assume:team:a"}});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error() ==
          Error{Errc::invalid,
                cycle("'assume:team-admin' -> 'assume:team:a' -> 'assume:team-admin'")});
    CHECK(two.size() == 2);
    CHECK(two.with({"team:*", {"assume:team:b"}}).error().detail ==
          cycle("'assume:team:*' -> 'assume:team:*'"));
  }
  SECTION("a role is replaced") {
    const RoleSet changed = two.with({"team:a", {"y"}}).value();
    CHECK(changed.size() == 2);
    CHECK(changed.expand(ScopeSet::of({"assume:team:a"})).value().list() ==
          Scopes{"assume:team:a", "x:a", "y"});
    CHECK(two.find("team:a")->role().scopes == Scopes{"assume:team-admin"});
  }
  SECTION("a role goes, others stay") {
    const RoleSet left = two.without("team:*");
    CHECK(left.size() == 1);
    CHECK(left.find("team:*") == nullptr);
    CHECK(left.find("team:a") != nullptr);
    CHECK(left.without("team:a").size() == 0);
    CHECK(left.without("unknown").size() == 1);
    CHECK(two.without("team:a").find("team:*") != nullptr);
  }
}

TEST_CASE("long chains expand, and are checked, without deep recursion", "[roles]") {
  constexpr int length = 20'000;
  Roles roles;
  for (int i = 0; i < length; ++i) {
    roles.push_back({"link-" + std::to_string(i),
                     {"s" + std::to_string(i), "assume:link-" + std::to_string(i + 1)}});
  }
  const RoleSet chain = set_of(roles);
  CHECK(chain.expand(ScopeSet::of({"assume:link-0"})).value().size() == 2 * length + 1);
  const auto closed = chain.with({"link-20000", {"assume:link-0"}});
  REQUIRE_FALSE(closed.ok());
  CHECK(closed.error().detail.find("'assume:link-0' -> 'assume:link-1' ->") != std::string::npos);
}

TEST_CASE("ids that each begin with the one before make no deep recursion", "[roles]") {
  RoleSet set;
  std::string id = "r";
  for (int i = 0; i < 1'000; ++i) {
    id += 'x';
    set = set.with({id, {"s"}}).value();
  }
  CHECK(set.size() == 1'000);
  CHECK(set.expand(ScopeSet::of({"assume:r*"})).value().list() == Scopes{"assume:r*", "s"});
  for (int i = 0; i < 999; ++i) {
    set = set.without(id);
    id.pop_back();
  }
  CHECK(set.size() == 1);
  CHECK(set.find("rx") != nullptr);
}

TEST_CASE("an expansion that multiplies ends with an error", "[roles]") {
  Roles roles;
  for (int i = 0; i < 40; ++i) {
    const std::string next = "assume:level-" + std::to_string(i + 10 + 1) + "-";
    roles.push_back({"level-" + std::to_string(i + 10) + "-*", {next + "<..>a", next + "<..>b"}});
  }
  const auto refused = set_of(roles).expand(ScopeSet::of({"assume:level-10-x"}));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Errc::too_large);
  CHECK(set_of(roles).expand(ScopeSet::of({"assume:level-10-x", "*"})).value().list() ==
        Scopes{"*"});
  // A star takes the place of both.
  CHECK(set_of(roles).expand(ScopeSet::of({"assume:level-10-*"})).value().size() == 41);
}

TEST_CASE("roles that would grant a scope are named", "[roles]") {
  const RoleSet set = set_of({
      {"all", {"queue:*"}},
      {"other", {"index:*", "queue:claim"}},
      {"one", {"x", "queue:create"}},
      {"project:*", {"secrets:get:<..>/a", "queue:create:<..>"}},
      {"tree:*", {"secrets:get:<..>/b*"}},
  });
  CHECK(set.roles_granting("queue:create") == Scopes{"one", "all"});
  CHECK(set.roles_granting("queue:create:p") == Scopes{"project:*", "all"});
  CHECK(set.roles_granting("secrets:get:p/a") == Scopes{"project:*"});
  CHECK(set.roles_granting("secrets:get:p/c").empty());
  CHECK(set.roles_granting("secrets:get:p/bc") == Scopes{"tree:*"});
  CHECK(set.roles_granting("secrets:get:p*") == Scopes{"project:*", "tree:*"});
  CHECK(set.roles_granting("queue:create", 1) == Scopes{"one"});
  CHECK(set.roles_granting("y").empty());
  CHECK(set.without("one").roles_granting("queue:create") == Scopes{"all"});
  const RoleSet changed = set.with({"one", {"queue:create*", "queue:create"}}).value();
  CHECK(changed.roles_granting("queue:create") == Scopes{"one", "all"});
  CHECK(changed.roles_granting("x").empty());
}

TEST_CASE("an expander remembers until roles change", "[roles]") {
  ScopeExpander expander(set_of({{"a", {"A"}}, {"b*", {"B<..>"}}}));
  const ScopeSet input = ScopeSet::of({"assume:a", "assume:b1", "x", "z*"});
  const Scopes all = {"A", "B1", "assume:a", "assume:b1", "x", "z*"};
  CHECK(expander.expand(input).value().list() == all);
  CHECK(expander.expand(input).value().list() == all);
  CHECK(expander.kept() == 1);

  SECTION("inputs that differ in other scopes share a result") {
    CHECK(expander.expand(ScopeSet::of({"assume:a", "assume:b1", "A*"})).value().list() ==
          Scopes{"A*", "B1", "assume:a", "assume:b1"});
    CHECK(expander.kept() == 1);
    CHECK(expander.expand(ScopeSet::of({"x"})).value().list() == Scopes{"x"});
    CHECK(expander.kept() == 1);
  }
  SECTION("new roles count at once") {
    expander.replace(expander.roles().with({"a", {"C"}}).value());
    CHECK(expander.kept() == 0);
    CHECK(expander.expand(input).value().list() ==
          Scopes{"B1", "C", "assume:a", "assume:b1", "x", "z*"});
  }
  SECTION("what is asked for again outlives what is not") {
    for (std::size_t i = 0; i < 5 * kept_expansions_max; ++i) {
      const std::string scope = "assume:b-" + std::to_string(i);
      CHECK(expander.expand(ScopeSet::of({scope})).value().satisfies("B-" + std::to_string(i)));
      if (i % 100 == 0) CHECK(expander.expand(input).value().list() == all);
    }
    CHECK(expander.kept() <= 2 * kept_expansions_max);
  }
}

TEST_CASE("roles expand and are checked as published", "[roles][contract]") {
  const auto folder = contract::folder();
  if (!folder) {
    WARN("skipped: TROUPE_CONTRACT_DIR does not name the folder of the published vectors");
    return;
  }
  const auto vectors = contract::read(*folder + "/auth-vectors.json");
  REQUIRE(vectors.IsObject());
  for (const auto& vector : vectors["scopeExpansion"].GetArray()) {
    INFO(vector["name"].GetString());
    const Roles roles = published_roles(vector["roles"]);
    const ScopeSet scopes = ScopeSet::of(contract::texts(vector["scopes"]));
    const Scopes wanted = contract::texts(vector["expanded"]);
    CHECK(set_of(roles).expand(scopes).value().list() == wanted);
    CHECK(ScopeExpander(set_of(roles)).expand(scopes).value().list() == wanted);
  }
  for (const auto& vector : vectors["roleSets"].GetArray()) {
    INFO(vector["name"].GetString());
    const auto& result = vector["result"];
    CHECK(error_of(published_roles(vector["roles"])) ==
          (result.IsString() ? result.GetString() : result["message"].GetString()));
  }
}

}  // namespace troupe
