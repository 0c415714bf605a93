#include "actors/auth/scope_expander.h"

#include <utility>

namespace troupe {
namespace {

/// Appends a scope behind its length, so that no two lists of scopes have the same key.
void append(std::string& key, std::string_view scope) {
  const std::uint64_t size = scope.size();
  key.append(reinterpret_cast<const char*>(&size), sizeof(size));
  key += scope;
}

}  // namespace

PartedScopes part(const ScopeSet& scopes) {
  PartedScopes out;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (!role_reference(scopes[i])) {
      out.others.push_back(scopes[i]);
      continue;
    }
    out.of_roles.push_back(scopes[i]);
    append(out.key, scopes[i]);
  }
  return out;
}

ScopeExpander::ScopeExpander(RoleSet roles)
    : roles_(std::move(roles)), results_({kept_expansions_max, kept_expansion_bytes_max}) {}

void ScopeExpander::replace(RoleSet roles) {
  roles_ = std::move(roles);
  replaced_ += 1;
  results_.clear();
}

Result<ScopeSet> ScopeExpander::expand(const ScopeSet& scopes) {
  PartedScopes parted = part(scopes);
  if (parted.of_roles.empty()) return scopes;
  ScopeSet expanded;
  if (const ScopeSet* known = find(parted.key)) {
    expanded = *known;
  } else {
    Result<ScopeSet> fresh = roles_.expand(ScopeSet::of_views(std::move(parted.of_roles)));
    if (!fresh) return fresh;
    expanded = std::move(fresh).value();
    keep(parted.key, expanded);
  }
  return union_of(expanded, ScopeSet::of_views(std::move(parted.others)));
}

void ScopeExpander::keep(const std::string& key, const ScopeSet& expanded) {
  results_.keep(key, expanded, expanded.memory_bytes());
}

}  // namespace troupe
