// Laws of role sets, on random ones over few characters, against the definition taken literally.
#include "actors/auth/role_set.h"
#include "actors/auth/scope_expander.h"
#include "runtime/scopes/scope.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <algorithm>
#include <map>
#include <set>

namespace troupe {
namespace {

using Scopes = std::vector<std::string>;
using Roles = std::map<std::string, Scopes>;  // by id

// The definition: rules one by one, for each scope, until nothing is new.
ScopeSet expand_literally(const Roles& roles, const Scopes& input) {
  std::set<std::string> result(input.begin(), input.end());
  Scopes work(result.begin(), result.end());
  const auto take = [&result, &work](const std::string& scope) {
    if (result.insert(scope).second) work.push_back(scope);
  };
  while (!work.empty()) {
    const std::string s = work.back();
    work.pop_back();
    const bool star = s.ends_with('*');
    const std::string base = star ? s.substr(0, s.size() - 1) : s;
    for (const auto& [id, scopes] : roles) {
      const std::string rule = "assume:" + id;
      if (!rule.ends_with('*')) {
        if (s != rule && !(star && rule.starts_with(base))) continue;
        for (const std::string& scope : scopes) take(scope);
        continue;
      }
      const std::string prefix = rule.substr(0, rule.size() - 1);
      std::string parameter = "*";
      if (base.starts_with(prefix)) {
        parameter = s.substr(prefix.size());
      } else if (!star || !prefix.starts_with(base)) {
        continue;
      }
      for (const std::string& scope : scopes) {
        const std::size_t mark = scope.find("<..>");
        if (mark == scope.npos) {
          take(scope);
          continue;
        }
        const std::string after = parameter.ends_with('*') ? "" : scope.substr(mark + 4);
        take(scope.substr(0, mark) + parameter + after);
      }
    }
  }
  return ScopeSet::of({result.begin(), result.end()});
}

std::string word(const std::string& alphabet, int max) {
  const int length = *rc::gen::inRange(0, max + 1);
  std::string text;
  for (int i = 0; i < length; ++i) text += *rc::gen::elementOf(alphabet);
  return text;
}

std::string any_scope(bool with_parameter) {
  static const Scopes heads = {"assume:", "assume:", "assume:", "assume:a", "as", "a", "b", ""};
  std::string scope = *rc::gen::elementOf(heads) + word("ab*", 3);
  if (with_parameter && *rc::gen::inRange(0, 2) == 0) scope += "<..>" + word("ab*", 2);
  if (*rc::gen::inRange(0, 5) == 0) scope += '*';
  return scope;
}

Role any_role() {
  Role role{word("ab*", 3), {}};
  if (*rc::gen::inRange(0, 2) == 0) role.role_id += '*';
  if (role.role_id.empty()) role.role_id = "a";
  const int count = *rc::gen::inRange(0, 4);
  for (int i = 0; i < count; ++i) role.scopes.push_back(any_scope(true));
  return role;
}

std::vector<Role> list_of(const Roles& roles) {
  std::vector<Role> list;
  for (const auto& [id, scopes] : roles) list.push_back({id, scopes});
  return list;
}

struct Grown {
  Roles roles;
  RoleSet set;
};

// A valid set, grown by changes, some of which were refused and some of which took a role away.
Grown any_grown(int changes_max) {
  Grown grown;
  const int changes = *rc::gen::inRange(0, changes_max);
  for (int i = 0; i < changes; ++i) {
    if (!grown.roles.empty() && *rc::gen::inRange(0, 6) == 0) {
      grown.set = grown.set.without(grown.roles.begin()->first);
      grown.roles.erase(grown.roles.begin());
      continue;
    }
    const Role role = any_role();
    auto next = grown.set.with(role);
    if (!next) continue;
    grown.set = std::move(next).value();
    grown.roles[role.role_id] = role.scopes;
  }
  return grown;
}

Scopes any_scopes() {
  Scopes scopes;
  const int count = *rc::gen::inRange(0, 5);
  for (int i = 0; i < count; ++i) scopes.push_back(any_scope(false));
  return scopes;
}

ScopeSet expanded(const RoleSet& set, const Scopes& scopes) {
  return set.expand(ScopeSet::of(scopes)).value();
}

// Whether some parameter that is a part of `wanted` makes a scope of this role satisfy it, what
// follows the parameter included; or `wanted` ends with a star that the parameter can have.
bool could_grant(const Role& role, const std::string& wanted) {
  for (const std::string& scope : role.scopes) {
    const std::size_t mark = role.role_id.ends_with('*') ? scope.find("<..>") : scope.npos;
    if (mark == scope.npos) {
      if (scope_satisfies(scope, wanted)) return true;
      continue;
    }
    const std::string before = scope.substr(0, mark);
    const std::string after = scope.substr(mark + 4);
    if (wanted.starts_with(before) && wanted.substr(mark).ends_with('*')) return true;
    for (std::size_t length = 0; mark + length <= wanted.size(); ++length) {
      if (scope_satisfies(before + wanted.substr(mark, length) + after, wanted)) return true;
    }
  }
  return false;
}

}  // namespace

TEST_CASE("laws of expansion", "[roles]") {
  rc::prop("it is what the definition says", [] {
    const Grown grown = any_grown(12);
    const Scopes scopes = any_scopes();
    RC_ASSERT(expanded(grown.set, scopes).list() == expand_literally(grown.roles, scopes).list());
  });
  rc::prop("it is the same with what was kept", [] {
    const Grown grown = any_grown(8);
    ScopeExpander expander(grown.set);
    for (int i = 0; i < 6; ++i) {
      const Scopes scopes = any_scopes();
      RC_ASSERT(expander.expand(ScopeSet::of(scopes)).value() == expanded(grown.set, scopes));
    }
  });
  rc::prop("once is enough", [] {
    const Grown grown = any_grown(8);
    const ScopeSet once = expanded(grown.set, any_scopes());
    RC_ASSERT(grown.set.expand(once).value() == once);
  });
  rc::prop("more scopes give no less", [] {
    const Grown grown = any_grown(8);
    const Scopes few = any_scopes();
    Scopes more = any_scopes();
    more.insert(more.end(), few.begin(), few.end());
    RC_ASSERT(expanded(grown.set, more).satisfies(expanded(grown.set, few)));
    RC_ASSERT(expanded(grown.set, few).satisfies(ScopeSet::of(few)));
  });
  rc::prop("more roles give no less", [] {
    const Grown grown = any_grown(8);
    const Role role = any_role();
    const auto more = grown.set.with(role);
    if (!more.ok() || grown.roles.count(role.role_id) != 0) return;
    const Scopes scopes = any_scopes();
    RC_ASSERT(expanded(more.value(), scopes).satisfies(expanded(grown.set, scopes)));
  });
}

TEST_CASE("laws of role sets", "[roles]") {
  rc::prop("a change is judged as the whole set with it", [] {
    Grown grown = any_grown(12);
    const Role role = any_role();
    grown.roles[role.role_id] = role.scopes;
    const auto changed = grown.set.with(role);
    const auto whole = RoleSet::of(list_of(grown.roles));
    RC_ASSERT(changed.ok() == whole.ok());
    RC_ASSERT(changed.ok() == check_role_set(list_of(grown.roles)).ok());
    if (!changed.ok()) RC_ASSERT(changed.error().detail == whole.error().detail);
  });
  rc::prop("a set grown by changes is the set of what was put in", [] {
    const Grown grown = any_grown(20);
    RC_ASSERT(grown.set.size() == grown.roles.size());
    const RoleSet whole = RoleSet::of(list_of(grown.roles)).value();
    const bool same = grown.set.list() == whole.list();
    RC_ASSERT(same);
    for (const auto& [id, scopes] : grown.roles) {
      const CompiledRole* role = grown.set.find(id);
      RC_ASSERT(role != nullptr);
      const Scopes stored = role->role().scopes;
      RC_ASSERT(stored == scopes);
    }
    const std::string wanted = any_scope(false);
    RC_ASSERT(grown.set.roles_granting(wanted) == whole.roles_granting(wanted));
  });
  rc::prop("roles that would grant a scope are those whose own scopes do", [] {
    const Grown grown = any_grown(12);
    const std::string wanted = any_scope(false);
    const Scopes named = grown.set.roles_granting(wanted);
    for (const auto& [id, scopes] : grown.roles) {
      const bool is_named = std::find(named.begin(), named.end(), id) != named.end();
      RC_ASSERT(is_named == could_grant({id, scopes}, wanted));
    }
  });
}

}  // namespace troupe
