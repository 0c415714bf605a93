#include "runtime/scopes/scope_set.h"

#include "runtime/scopes/scope.h"
#include "tests/runtime/scopes/contract.h"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include <algorithm>

namespace troupe {
namespace {

using Scopes = std::vector<std::string>;

// A scope over few characters, so that prefixes, stars and repeats are common.
std::string any_scope() {
  const int length = *rc::gen::inRange(0, 5);
  std::string scope;
  for (int i = 0; i < length; ++i) scope += *rc::gen::elementOf(std::string("ab(*"));
  if (*rc::gen::inRange(0, 3) == 0) scope += '*';
  return scope;
}

Scopes any_scopes() {
  Scopes scopes;
  const int count = *rc::gen::inRange(0, 9);
  for (int i = 0; i < count; ++i) scopes.push_back(any_scope());
  return scopes;
}

bool any_satisfies(const Scopes& held, const std::string& wanted) {
  return std::any_of(held.begin(), held.end(), [&wanted](const std::string& scope) {
    return scope_satisfies(scope, wanted);
  });
}

Scopes sorted(Scopes scopes) {
  std::sort(scopes.begin(), scopes.end(), ScopeLess{});
  return scopes;
}

}  // namespace

TEST_CASE("a scope satisfies itself, and what a final star stands for", "[scopes]") {
  const auto [held, wanted, satisfied] = GENERATE(table<std::string, std::string, bool>({
      {"abc", "abc", true},
      {"abc", "abcd", false},
      {"abc*", "abcd", true},
      {"abc*", "abc", true},
      {"abc*", "abc*", true},
      {"abc*", "ab*", false},
      {"abc*", "abcd*", true},
      {"abc", "abc*", false},
      {"a*c", "abc", false},
      {"a*c", "a*c", true},
      {"a**", "a*", true},
      {"a**", "ab", false},
      {"a**", "a*b", true},
      {"*", "", true},
      {"*", "anything", true},
      {"", "", true},
      {"", "a", false},
  }));
  INFO(held << " for " << wanted);
  CHECK(scope_satisfies(held, wanted) == satisfied);
  CHECK(ScopeSet::of({held}).satisfies(wanted) == satisfied);
}

TEST_CASE("scopes are sorted by their text, a star scope before what it extends", "[scopes]") {
  CHECK(sorted({"b", "aa", "a(", "a", "a*", "", "*"}) ==
        Scopes{"*", "", "a*", "a", "a(", "aa", "b"});
  CHECK(sorted({"a**", "a*", "ab"}) == Scopes{"a*", "a**", "ab"});
  CHECK(sorted({"\x7f", "\xc3\xa9", "a"}) == Scopes{"a", "\x7f", "\xc3\xa9"});
}

TEST_CASE("a set keeps what nothing else covers, in scope order", "[scopes]") {
  const auto [scopes, kept] = GENERATE(table<Scopes, Scopes>({
      {{}, {}},
      {{"b", "a", "b"}, {"a", "b"}},
      {{"a", "a*", "ab", "b"}, {"a*", "b"}},
      {{"test*", "t*"}, {"t*"}},
      {{"abc", "ab*", "a", "ab"}, {"a", "ab*"}},
      {{"a", "*", "", "b*"}, {"*"}},
      {{"a**", "a*", "ab"}, {"a*"}},
      {{"a**", "a", "a*b"}, {"a", "a**"}},
      {{"a:*", "a:", "a"}, {"a", "a:*"}},
  }));
  const ScopeSet set = ScopeSet::of(scopes);
  CHECK(set.list() == kept);
  CHECK(set.size() == kept.size());
  CHECK(set.empty() == kept.empty());
}

TEST_CASE("two stars cover one, wherever they lie in the order", "[scopes]") {
  const ScopeSet set = ScopeSet::of({"a", "a!", "a**", "ab"});
  CHECK(set.satisfies("a*"));
  CHECK(set.satisfies("a**"));
  CHECK(set.satisfies("a*x"));
  CHECK_FALSE(set.satisfies("ax"));
  CHECK_FALSE(set.satisfies("ab*"));
  CHECK(set.contains("a!"));
  CHECK_FALSE(set.contains("a*"));
}

TEST_CASE("the empty set is equal to itself and satisfies nothing", "[scopes]") {
  CHECK(ScopeSet() == ScopeSet::of({}));
  CHECK(ScopeSet() != ScopeSet::of({""}));
  CHECK_FALSE(ScopeSet().satisfies(""));
  CHECK(ScopeSet().satisfies(ScopeSet()));
  CHECK(ScopeSet().memory_bytes() == 0);
}

TEST_CASE("sets join and meet", "[scopes]") {
  struct Sets {
    Scopes a;
    Scopes b;
    Scopes joined;
    Scopes met;
  };
  const auto sets = GENERATE(values<Sets>({
      {{"bar:*"}, {"foo:x", "bar:x"}, {"bar:*", "foo:x"}, {"bar:x"}},
      {{"a*", "b"}, {"ab", "b*"}, {"a*", "b*"}, {"b", "ab"}},
      {{"a"}, {"b"}, {"a", "b"}, {}},
      {{"*"}, {"x", "y*"}, {"*"}, {"x", "y*"}},
      {{"a", "b"}, {"b", "c"}, {"a", "b", "c"}, {"b"}},
      {{}, {"a"}, {"a"}, {}},
  }));
  CHECK(union_of(ScopeSet::of(sets.a), ScopeSet::of(sets.b)).list() == sets.joined);
  CHECK(intersection_of(ScopeSet::of(sets.a), ScopeSet::of(sets.b)) == sets.met);
}

TEST_CASE("laws of scope sets", "[scopes]") {
  rc::prop("scope order is strong", [] {
    const auto [a, b, c] = std::tuple(any_scope(), any_scope(), any_scope());
    const ScopeLess less;
    RC_ASSERT((!less(a, b) && !less(b, a)) == (a == b));
    RC_ASSERT(!less(a, b) || !less(b, a));
    RC_ASSERT(!less(a, b) || !less(b, c) || less(a, c));
  });
  rc::prop("normalising once is enough", [] {
    const ScopeSet set = ScopeSet::of(any_scopes());
    RC_ASSERT(ScopeSet::of(set.list()) == set);
    RC_ASSERT(sorted(set.list()) == set.list());
  });
  rc::prop("normalising keeps what is satisfied, and adds nothing", [] {
    const Scopes scopes = any_scopes();
    const std::string wanted = any_scope();
    RC_ASSERT(ScopeSet::of(scopes).satisfies(wanted) == any_satisfies(scopes, wanted));
  });
  rc::prop("members satisfy themselves, and are what is contained", [] {
    const Scopes scopes = any_scopes();
    const ScopeSet set = ScopeSet::of(scopes);
    RC_ASSERT(set.satisfies(set));
    RC_ASSERT(set.satisfies(ScopeSet::of(scopes)));
    const std::string scope = any_scope();
    const Scopes list = set.list();
    RC_ASSERT(set.contains(scope) == (std::find(list.begin(), list.end(), scope) != list.end()));
  });
  rc::prop("joining is commutative, associative and idempotent", [] {
    const auto [a, b, c] = std::tuple(ScopeSet::of(any_scopes()), ScopeSet::of(any_scopes()),
                                      ScopeSet::of(any_scopes()));
    RC_ASSERT(union_of(a, b) == union_of(b, a));
    RC_ASSERT(union_of(union_of(a, b), c) == union_of(a, union_of(b, c)));
    RC_ASSERT(union_of(a, a) == a);
    RC_ASSERT(union_of(a, b).satisfies(a));
    RC_ASSERT(union_of(a, b).satisfies(b));
  });
  rc::prop("what is in the meeting both satisfy", [] {
    const ScopeSet a = ScopeSet::of(any_scopes());
    const ScopeSet b = ScopeSet::of(any_scopes());
    const Scopes met = intersection_of(a, b);
    for (const std::string& scope : met) {
      RC_ASSERT(a.satisfies(scope));
      RC_ASSERT(b.satisfies(scope));
      RC_ASSERT(std::count(met.begin(), met.end(), scope) == 1);
    }
    RC_ASSERT(ScopeSet::of(met) == ScopeSet::of(intersection_of(b, a)));
  });
}

TEST_CASE("scope arithmetic is as published", "[scopes][contract]") {
  const auto folder = contract::folder();
  if (!folder) {
    WARN("skipped: TROUPE_CONTRACT_DIR does not name the folder of the published vectors");
    return;
  }
  const auto vectors = contract::read(*folder + "/auth-vectors.json");
  REQUIRE(vectors.IsObject());
  for (const auto& vector : vectors["normalisation"].GetArray()) {
    const Scopes input = contract::texts(vector["input"]);
    CHECK(sorted(input) == contract::texts(vector["sorted"]));
    CHECK(ScopeSet::of(input).list() == contract::texts(vector["normalised"]));
  }
  for (const auto& vector : vectors["setOperations"].GetArray()) {
    const ScopeSet a = ScopeSet::of(contract::texts(vector["a"]));
    const ScopeSet b = ScopeSet::of(contract::texts(vector["b"]));
    CHECK(intersection_of(a, b) == contract::texts(vector["intersection"]));
    CHECK(union_of(a, b).list() == contract::texts(vector["union"]));
  }
  for (const auto& vector : vectors["satisfaction"].GetArray()) {
    if (!vector["expression"].IsString()) continue;
    const ScopeSet held = ScopeSet::of(contract::texts(vector["scopes"]));
    CHECK(held.satisfies(vector["expression"].GetString()) == vector["satisfied"].GetBool());
  }
}

}  // namespace troupe
