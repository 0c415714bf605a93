#include "tests/runtime/hawk/world.h"

#include "runtime/scopes/scope.h"

#include <optional>
#include <set>
#include <utility>

namespace troupe::hawk {
namespace {

// With what the `<..>` of a role's scopes is to be replaced; nothing if the role does not match,
// an empty outer text if there is nothing to replace.
struct Match {
  bool has_parameter = false;
  std::string parameter;
};

std::optional<Match> match(const std::string& pattern, const std::string& scope) {
  const std::string base(scope_base(scope));
  if (!is_star_scope(pattern)) {
    const bool matches = scope == pattern || (is_star_scope(scope) && pattern.starts_with(base));
    return matches ? std::optional(Match{}) : std::nullopt;
  }
  const std::string prefix(scope_base(pattern));
  if (base.starts_with(prefix)) return Match{true, scope.substr(prefix.size())};
  if (is_star_scope(scope) && prefix.starts_with(base)) return Match{true, "*"};
  return std::nullopt;
}

std::string granted(const std::string& scope, const Match& match) {
  const auto at = scope.find("<..>");
  if (!match.has_parameter || at == std::string::npos) return scope;
  const std::string head = scope.substr(0, at) + match.parameter;
  return is_star_scope(match.parameter) ? head : head + scope.substr(at + 4);
}

}  // namespace

ScopeSet expand_by_the_book(const std::vector<Role>& roles, std::vector<std::string> scopes) {
  std::set<std::string> result(scopes.begin(), scopes.end());
  std::vector<std::string> work = std::move(scopes);
  while (!work.empty()) {
    const std::string scope = std::move(work.back());
    work.pop_back();
    for (const Role& role : roles) {
      const auto matched = match("assume:" + role.role_id, scope);
      if (!matched) continue;
      for (const std::string& given : role.scopes) {
        const std::string more = granted(given, *matched);
        if (result.insert(more).second) work.push_back(more);
      }
    }
  }
  return ScopeSet::of({result.begin(), result.end()});
}

World::World(const std::vector<ClientSpec>& clients, std::vector<Role> roles)
    : roles_(std::move(roles)) {
  for (const ClientSpec& spec : clients) {
    Client client{.access_token = Secret(spec.access_token),
                  .scopes = expand_by_the_book(roles_, spec.scopes),
                  .with_anonymous = expand(with_anonymous(spec.scopes)),
                  .expires = spec.expires,
                  .disabled = spec.disabled};
    clients_[spec.client_id] = std::make_shared<const Client>(std::move(client));
  }
}

std::shared_ptr<const Client> World::find(std::string_view client_id) const {
  const auto found = clients_.find(client_id);
  return found == clients_.end() ? nullptr : found->second;
}

HeldScopes World::expand(std::vector<std::string> scopes) const {
  return {.set = expand_by_the_book(roles_, std::move(scopes))};
}

std::string message_of(const Outcome& outcome) {
  const auto* failure = std::get_if<Failure>(&outcome);
  return failure == nullptr ? "" : failure->message;
}

}  // namespace troupe::hawk
