#include "actors/auth/grant_index.h"

#include <algorithm>
#include <set>

namespace troupe {
namespace {

/// The texts under which a role is found, each once.
std::set<std::string> keys_of(const CompiledRole& role) {
  std::set<std::string> keys;
  for (std::size_t i = 0; i < role.size(); ++i) {
    const CompiledRole::Grant grant = role[i];
    keys.insert(grant.has_parameter() ? std::string(grant.before()) + '*'
                                      : std::string(grant.scope));
  }
  return keys;
}

bool has_lesser_id(const CompiledRole* a, const CompiledRole* b) {
  return a->id() < b->id();
}

/// Whether a scope of a role satisfies `wanted`, for the parameter that fits if it has one.
bool grants(const CompiledRole::Grant& grant, std::string_view wanted) {
  if (!grant.has_parameter()) return scope_satisfies(grant.scope, wanted);
  if (!wanted.starts_with(grant.before())) return false;
  const std::string_view tail = wanted.substr(grant.before().size());
  const std::string_view after = grant.after();
  if (is_star_scope(tail)) return true;  // a parameter with a star takes the place of all
  if (is_star_scope(after)) return tail.find(scope_base(after)) != tail.npos;
  return tail.ends_with(after);
}

bool grants(const CompiledRole& role, std::string_view wanted) {
  for (std::size_t i = 0; i < role.size(); ++i) {
    if (grants(role[i], wanted)) return true;
  }
  return false;
}

}  // namespace

GrantIndex GrantIndex::with(const CompiledRole& role) const {
  GrantIndex next = *this;
  for (const std::string& key : keys_of(role)) {
    const auto* old = next.roles_.find(key);
    auto list = old == nullptr ? std::make_shared<RoleList>() : std::make_shared<RoleList>(**old);
    list->insert(std::lower_bound(list->begin(), list->end(), &role, has_lesser_id), &role);
    next.roles_ = next.roles_.with(key, std::move(list));
  }
  return next;
}

GrantIndex GrantIndex::without(const CompiledRole& role) const {
  GrantIndex next = *this;
  for (const std::string& key : keys_of(role)) {
    const RoleList& old = **next.roles_.find(key);
    if (old.size() == 1) {
      next.roles_ = next.roles_.without(key);
      continue;
    }
    auto list = std::make_shared<RoleList>(old);
    list->erase(std::lower_bound(list->begin(), list->end(), &role, has_lesser_id));
    next.roles_ = next.roles_.with(key, std::move(list));
  }
  return next;
}

std::vector<std::string> GrantIndex::roles_granting(std::string_view wanted,
                                                    std::size_t limit) const {
  std::vector<const RoleList*> lists;  // from short to long
  roles_.match(wanted, false, [&lists](const std::shared_ptr<const RoleList>& list, std::size_t) {
    lists.push_back(list.get());
  });
  std::vector<std::string> ids;
  for (std::size_t i = lists.size(); i > 0; --i) {
    for (const CompiledRole* role : *lists[i - 1]) {
      if (ids.size() == limit) return ids;
      const bool there = std::find(ids.begin(), ids.end(), role->id()) != ids.end();
      if (!there && grants(*role, wanted)) ids.push_back(role->id());
    }
  }
  return ids;
}

std::size_t GrantIndex::memory_bytes() const {
  std::size_t bytes = roles_.memory_bytes();
  roles_.for_each([&bytes](const std::shared_ptr<const RoleList>& list) {
    bytes += sizeof(RoleList) + list->capacity() * sizeof(const CompiledRole*);
    return true;
  });
  return bytes;
}

}  // namespace troupe
