#include "runtime/scopes/scope_set.h"

#include "runtime/base/assert.h"
#include "runtime/scopes/scope.h"

#include <algorithm>
#include <limits>

namespace troupe {
namespace {

/// Drops what an earlier member covers from scopes in scope order.
///
/// The last kept member is the only one to look at: what begins with the base of a star scope
/// follows it without a gap.
void drop_covered(std::vector<std::string_view>& sorted) {
  std::size_t kept = 0;
  for (const std::string_view scope : sorted) {
    if (kept > 0 && scope_satisfies(sorted[kept - 1], scope)) continue;
    sorted[kept++] = scope;
  }
  sorted.resize(kept);
}

std::vector<std::string_view> views_of(const ScopeSet& set) {
  std::vector<std::string_view> views;
  views.reserve(set.size());
  for (std::size_t i = 0; i < set.size(); ++i) views.push_back(set[i]);
  return views;
}

}  // namespace

ScopeSet::ScopeSet(const std::vector<std::string_view>& normalised) {
  if (normalised.empty()) return;
  std::size_t bytes = 0;
  for (const std::string_view scope : normalised) bytes += scope.size();
  TROUPE_EXPECTS(bytes <= std::numeric_limits<std::uint32_t>::max());

  auto members = std::make_shared<Members>();
  members->text.reserve(bytes);
  members->ends.reserve(normalised.size());
  for (const std::string_view scope : normalised) {
    members->text += scope;
    members->ends.push_back(static_cast<std::uint32_t>(members->text.size()));
  }
  members_ = std::move(members);
}

ScopeSet ScopeSet::of(const std::vector<std::string>& scopes) {
  return of_views({scopes.begin(), scopes.end()});
}

ScopeSet ScopeSet::of_views(std::vector<std::string_view> scopes) {
  std::sort(scopes.begin(), scopes.end(), ScopeLess{});
  return of_sorted(std::move(scopes));
}

ScopeSet ScopeSet::of_sorted(std::vector<std::string_view> scopes) {
  drop_covered(scopes);
  return ScopeSet(scopes);
}

std::size_t ScopeSet::size() const {
  return members_ ? members_->ends.size() : 0;
}

std::string_view ScopeSet::operator[](std::size_t index) const {
  const std::uint32_t begin = index == 0 ? 0 : members_->ends[index - 1];
  return std::string_view(members_->text).substr(begin, members_->ends[index] - begin);
}

/// Index of the first member that is not before the scope with this base, with or without a star.
std::size_t ScopeSet::lower_bound(std::string_view base, bool star) const {
  std::size_t first = 0;
  std::size_t count = size();
  while (count > 0) {
    const std::size_t half = count / 2;
    const std::string_view member = (*this)[first + half];
    const int bytes = scope_base(member).compare(base);
    const bool before = bytes < 0 || (bytes == 0 && is_star_scope(member) && !star);
    if (before) {
      first += half + 1;
      count -= half + 1;
    } else {
      count = half;
    }
  }
  return first;
}

bool ScopeSet::contains(std::string_view scope) const {
  const std::size_t at = lower_bound(scope_base(scope), is_star_scope(scope));
  return at < size() && (*this)[at] == scope;
}

bool ScopeSet::satisfies(std::string_view wanted) const {
  // A star scope whose base is a prefix of `wanted` without its final star is not after `wanted`.
  // Members between the two would begin with that base: by S2 there are none.
  const std::size_t at = lower_bound(scope_base(wanted), is_star_scope(wanted));
  if (at < size() && (*this)[at] == wanted) return true;
  if (at > 0 && scope_satisfies((*this)[at - 1], wanted)) return true;

  // What is left is `x**` for `x*`: its base is all of `wanted`, so it comes after `wanted`.
  if (!is_star_scope(wanted)) return false;
  const std::size_t doubled = lower_bound(wanted, true);
  return doubled < size() && is_star_scope((*this)[doubled]) &&
         scope_base((*this)[doubled]) == wanted;
}

bool ScopeSet::satisfies(const ScopeSet& wanted) const {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!satisfies(wanted[i])) return false;
  }
  return true;
}

std::vector<std::string> ScopeSet::list() const {
  std::vector<std::string> scopes;
  scopes.reserve(size());
  for (std::size_t i = 0; i < size(); ++i) scopes.emplace_back((*this)[i]);
  return scopes;
}

std::size_t ScopeSet::memory_bytes() const {
  if (!members_) return 0;
  return sizeof(Members) + members_->text.capacity() +
         members_->ends.capacity() * sizeof(std::uint32_t);
}

bool ScopeSet::operator==(const ScopeSet& other) const {
  if (members_ == other.members_) return true;
  if (!members_ || !other.members_) return false;  // an empty set has no memory
  return members_->ends == other.members_->ends && members_->text == other.members_->text;
}

ScopeSet union_of(const ScopeSet& a, const ScopeSet& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  const std::vector<std::string_view> left = views_of(a);
  const std::vector<std::string_view> right = views_of(b);
  std::vector<std::string_view> all(left.size() + right.size());
  std::merge(left.begin(), left.end(), right.begin(), right.end(), all.begin(), ScopeLess{});
  return ScopeSet::of_sorted(std::move(all));
}

std::vector<std::string> intersection_of(const ScopeSet& a, const ScopeSet& b) {
  std::vector<std::string> both;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (b.satisfies(a[i])) both.emplace_back(a[i]);
  }
  for (std::size_t i = 0; i < b.size(); ++i) {
    // A member of both is satisfied by `b` as well, hence there already.
    if (a.satisfies(b[i]) && !a.contains(b[i])) both.emplace_back(b[i]);
  }
  return both;
}

}  // namespace troupe
