// What one scope is: a text that names a permission. A scope that ends with `*` is a star scope: it
// stands for all scopes that begin with what is before that last character. No other star counts.
#pragma once

#include <compare>
#include <string_view>

namespace troupe {

/// Whether `scope` ends with `*`.
constexpr bool is_star_scope(std::string_view scope) {
  return scope.ends_with('*');
}

/// `scope` without one final `*`, if it has any.
constexpr std::string_view scope_base(std::string_view scope) {
  if (is_star_scope(scope)) scope.remove_suffix(1);
  return scope;
}

/// Whether who holds `held` may do what needs `wanted`. Source: spec/auth.md, "Scope arithmetic".
///
/// Not transitive: `x**` satisfies `x*`, which satisfies `xa`, but `x**` does not satisfy `xa`.
/// That is why clients and roles may not have scopes that end with two stars.
constexpr bool scope_satisfies(std::string_view held, std::string_view wanted) {
  return held == wanted || (is_star_scope(held) && wanted.starts_with(scope_base(held)));
}

/// Scope order: by bytes without the final `*`; a star scope before the scope that it extends.
/// A strong order: scopes that compare equal are the same text.
constexpr std::strong_ordering compare_scopes(std::string_view a, std::string_view b) {
  const int bytes = scope_base(a).compare(scope_base(b));
  if (bytes != 0) return bytes <=> 0;
  return is_star_scope(b) <=> is_star_scope(a);
}

/// Scope order, for algorithms that sort.
struct ScopeLess {
  constexpr bool operator()(std::string_view a, std::string_view b) const {
    return compare_scopes(a, b) < 0;
  }
};

}  // namespace troupe
