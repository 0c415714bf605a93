// A ScopeExpander that all threads share.
#pragma once

#include "actors/auth/scope_expander.h"

#include <functional>
#include <mutex>
#include <utility>

namespace troupe::server {

/// What scopes come to with these roles. Called on any thread, by several at once.
using Expansion = std::function<Result<ScopeSet>(const RoleSet&, const ScopeSet&)>;

/// Thread: any. While one expands, others find what is kept, and expand too.
class SharedExpander {
 public:
  /// As `RoleSet::expand`.
  SharedExpander();
  explicit SharedExpander(Expansion expansion) : expansion_(std::move(expansion)) {}

  RoleSet roles() const;
  void replace(RoleSet roles);
  Result<ScopeSet> expand(const ScopeSet& scopes);
  std::size_t kept() const;

 private:
  Result<ScopeSet> known_or_fresh(PartedScopes& parted);

  const Expansion expansion_;

  mutable std::mutex mutex_;  // guards the rest; nobody expands under it
  ScopeExpander expander_;
};

}  // namespace troupe::server
