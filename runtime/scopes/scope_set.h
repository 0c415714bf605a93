// A set of scopes in normal form: in scope order, without what another member covers.
//
// Invariants:
//   S1  members rise in scope order (scope.h), so none is there twice;
//   S2  after a star scope no member begins with its base.
// By S2 a scope is covered by itself, by the member next before it, or by none (`x*` by `x**`
// apart): that makes a look-up a binary search.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// An immutable set of scopes; copies share its memory. Thread: any.
///
/// Normalising keeps what is satisfied: whatever some scope of the input satisfies, the set does.
class ScopeSet {
 public:
  /// The empty set, which satisfies nothing.
  ScopeSet() = default;

  /// Sorts and normalises. At most 4 GiB of text in all.
  static ScopeSet of(const std::vector<std::string>& scopes);
  static ScopeSet of_views(std::vector<std::string_view> scopes);

  /// Whether some member satisfies `wanted`. Cost: two binary searches, no allocation.
  bool satisfies(std::string_view wanted) const;
  /// Whether every member of `wanted` is satisfied by some member of this set.
  bool satisfies(const ScopeSet& wanted) const;

  /// Whether `scope` itself is a member. Cost: a binary search.
  bool contains(std::string_view scope) const;

  std::size_t size() const;
  bool empty() const { return size() == 0; }
  /// The member at this place in scope order; valid as long as a copy of the set lives.
  std::string_view operator[](std::size_t index) const;
  /// All members, in scope order.
  std::vector<std::string> list() const;
  /// Bytes of memory that all copies of this set share.
  std::size_t memory_bytes() const;

  bool operator==(const ScopeSet& other) const;

 private:
  struct Members {
    std::string text;                 // one after the other
    std::vector<std::uint32_t> ends;  // in `text`
  };
  friend ScopeSet union_of(const ScopeSet& a, const ScopeSet& b);

  explicit ScopeSet(const std::vector<std::string_view>& normalised);

  static ScopeSet of_sorted(std::vector<std::string_view> scopes);
  std::size_t lower_bound(std::string_view base, bool star) const;

  std::shared_ptr<const Members> members_;  // null: empty
};

/// What either has, normalised. Cost: linear.
ScopeSet union_of(const ScopeSet& a, const ScopeSet& b);

/// Members of `a` that `b` satisfies, then members of `b` that `a` satisfies, each once; the result
/// is not sorted. Source: spec/auth.md, "Scope arithmetic".
std::vector<std::string> intersection_of(const ScopeSet& a, const ScopeSet& b);

}  // namespace troupe
