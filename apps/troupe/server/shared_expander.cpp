#include "apps/troupe/server/shared_expander.h"

#include <utility>

namespace troupe::server {

SharedExpander::SharedExpander()
    : SharedExpander(
          [](const RoleSet& roles, const ScopeSet& scopes) { return roles.expand(scopes); }) {}

RoleSet SharedExpander::roles() const {
  const std::lock_guard lock(mutex_);
  return expander_.roles();
}

void SharedExpander::replace(RoleSet roles) {
  const std::lock_guard lock(mutex_);
  expander_.replace(std::move(roles));
}

std::size_t SharedExpander::kept() const {
  const std::lock_guard lock(mutex_);
  return expander_.kept();
}

Result<ScopeSet> SharedExpander::expand(const ScopeSet& scopes) {
  PartedScopes parted = part(scopes);
  if (parted.of_roles.empty()) return scopes;
  const Result<ScopeSet> expanded = known_or_fresh(parted);
  if (!expanded) return expanded;
  return union_of(expanded.value(), ScopeSet::of_views(std::move(parted.others)));
}

// An expansion may take long: it works on a copy of the roles, and its result is kept if they are
// still the same.
Result<ScopeSet> SharedExpander::known_or_fresh(PartedScopes& parted) {
  std::unique_lock lock(mutex_);
  if (const ScopeSet* known = expander_.find(parted.key)) return *known;
  const RoleSet roles = expander_.roles();
  const auto replaced = expander_.replaced();
  lock.unlock();
  Result<ScopeSet> fresh = expansion_(roles, ScopeSet::of_views(std::move(parted.of_roles)));
  if (!fresh) return fresh;
  lock.lock();
  if (replaced == expander_.replaced()) expander_.keep(parted.key, fresh.value());
  return fresh;
}

}  // namespace troupe::server
