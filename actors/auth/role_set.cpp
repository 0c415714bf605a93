#include "actors/auth/role_set.h"

#include "actors/auth/role_cycles.h"
#include "runtime/scopes/scope.h"

#include <deque>
#include <set>
#include <unordered_set>

namespace troupe {
namespace {

Error cycle_error(const std::vector<const CompiledRole*>& cycle) {
  std::string text = "Roles may not contain dependency cycles, found: ";
  for (const CompiledRole* role : cycle) text += "'assume:" + role->id() + "' -> ";
  return {Errc::invalid, text + "'assume:" + cycle.front()->id() + "'"};
}

Result<RoleIndex> checked_index(const std::vector<Role>& roles) {
  RoleIndex index;
  for (const Role& role : roles) {
    if (const Status fine = check_parameters(role); !fine) return fine.error();
    if (index.find(role.role_id) != nullptr) {
      return Error{Errc::invalid, "the role '" + role.role_id + "' is there twice"};
    }
    index = index.with(role.role_id, std::make_shared<CompiledRole>(role));
  }
  const auto cycle = find_cycle(index);
  if (!cycle.empty()) return cycle_error(cycle);
  return index;
}

// One expansion. Scopes are kept as views: of the input, of roles, or of `filled_`.
class Expansion {
 public:
  Expansion(const RoleIndex& roles, const ScopeSet& input) : roles_(roles) {
    for (std::size_t i = 0; i < input.size(); ++i) add(input[i]);
  }

  Result<ScopeSet> run() {
    while (!waiting_.empty()) {
      const std::string_view scope = waiting_.back();
      waiting_.pop_back();
      follow(scope, *role_reference(scope));
      if (is_over_limit()) {
        return Error{Errc::too_large,
                     "the roles of these scopes give more than " +
                         std::to_string(filled_scopes_max) + " scopes, or " +
                         std::to_string(filled_bytes_max) +
                         " bytes of them, with parameters filled in: simplify prefix roles that "
                         "assume other prefix roles"};
      }
    }
    return ScopeSet::of_views(std::move(result_));
  }

 private:
  void add(std::string_view scope) {
    result_.push_back(scope);
    if (role_reference(scope) && seen_.insert(scope).second) waiting_.push_back(scope);
  }

  void follow(std::string_view scope, const RoleReference& reference) {
    if (is_covered(reference)) return;
    if (reference.star) stars_.insert(reference.base);
    // What a prefix role that takes up the first `matched` bytes of the base gets as its parameter.
    std::string_view tail = reference.star ? "*" : "";
    if (!reference.base.empty()) {
      tail = scope.substr(static_cast<std::size_t>(reference.base.data() - scope.data()));
    }
    roles_.match(reference.base, reference.star,
                 [this, tail](const RolePtr& role, std::size_t matched) {
                   grant(*role, matched == RoleIndex::below ? "*" : tail.substr(matched));
                 });
  }

  /// Whether a star scope that was followed covers this one, which then adds nothing: whatever a
  /// role would give for it, the same role has given a star scope for, or the same.
  bool is_covered(const RoleReference& reference) const {
    const auto after = stars_.upper_bound(reference.base);
    return after != stars_.begin() && reference.base.starts_with(*std::prev(after));
  }

  void grant(const CompiledRole& role, std::string_view parameter) {
    const bool first_time = granting_.insert(&role).second;
    for (std::size_t i = 0; i < role.size(); ++i) {
      const CompiledRole::Grant grant = role[i];
      if (!grant.has_parameter() && !first_time) continue;
      if (is_over_limit()) return;
      add(grant.has_parameter() ? fill(grant, parameter) : grant.scope);
    }
  }

  bool is_over_limit() const {
    return filled_.size() > filled_scopes_max || filled_bytes_ > filled_bytes_max;
  }

  std::string_view fill(const CompiledRole::Grant& grant, std::string_view parameter) {
    std::string scope(grant.before());
    scope += parameter;
    if (!is_star_scope(parameter)) scope += grant.after();
    filled_bytes_ += scope.size();
    return filled_.emplace_back(std::move(scope));
  }

  const RoleIndex& roles_;
  std::vector<std::string_view> result_;
  std::vector<std::string_view> waiting_;  // to follow; each has a reference
  std::unordered_set<std::string_view> seen_;
  std::set<std::string_view> stars_;  // bases of star scopes that were followed
  std::unordered_set<const CompiledRole*> granting_;
  std::deque<std::string> filled_;
  std::size_t filled_bytes_ = 0;
};

}  // namespace

Result<RoleSet> RoleSet::of(const std::vector<Role>& roles) {
  Result<RoleIndex> index = checked_index(roles);
  if (!index) return index.error();
  GrantIndex grants;
  index.value().for_each([&grants](const RolePtr& role) {
    grants = grants.with(*role);
    return true;
  });
  return RoleSet(std::move(index).value(), std::move(grants));
}

Result<RoleSet> RoleSet::with(const Role& role) const {
  if (const Status fine = check_parameters(role); !fine) return fine.error();
  const auto compiled = std::make_shared<const CompiledRole>(role);
  RoleIndex index = index_.with(role.role_id, compiled);
  // The cycle to report is that of the whole set, wherever it begins.
  if (is_on_cycle(index, *compiled)) return cycle_error(find_cycle(index));

  const CompiledRole* replaced = find(role.role_id);
  const GrantIndex others = replaced == nullptr ? grants_ : grants_.without(*replaced);
  return RoleSet(std::move(index), others.with(*compiled));
}

RoleSet RoleSet::without(std::string_view role_id) const {
  const CompiledRole* role = find(role_id);
  if (role == nullptr) return *this;
  return RoleSet(index_.without(role_id), grants_.without(*role));
}

const CompiledRole* RoleSet::find(std::string_view role_id) const {
  const RolePtr* role = index_.find(role_id);
  return role == nullptr ? nullptr : role->get();
}

std::vector<Role> RoleSet::list() const {
  std::vector<Role> roles;
  roles.reserve(size());
  index_.for_each([&roles](const RolePtr& role) {
    roles.push_back(role->role());
    return true;
  });
  return roles;
}

Result<ScopeSet> RoleSet::expand(const ScopeSet& scopes) const {
  if (scopes.contains("*")) return scopes;  // all there is, whatever roles give
  return Expansion(index_, scopes).run();
}

std::size_t RoleSet::memory_bytes() const {
  std::size_t bytes = index_.memory_bytes() + grants_.memory_bytes();
  index_.for_each([&bytes](const RolePtr& role) {
    bytes += role->memory_bytes();
    return true;
  });
  return bytes;
}

Status check_role_set(const std::vector<Role>& roles) {
  const Result<RoleIndex> index = checked_index(roles);
  if (!index) return index.error();
  return Done{};
}

}  // namespace troupe
