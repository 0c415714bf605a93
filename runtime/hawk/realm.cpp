#include "runtime/hawk/realm.h"

#include "runtime/scopes/scope.h"

#include <limits>
#include <utility>

namespace troupe::hawk {
namespace {

HeldScopes in_given_order(std::vector<std::string> scopes) {
  return {.set = ScopeSet::of(scopes),
          .listed = std::make_shared<const std::vector<std::string>>(std::move(scopes))};
}

std::shared_ptr<const Client> make_client(const Secret& access_token,
                                          const std::vector<std::string>& scopes) {
  Client client{.access_token = access_token,
                .scopes = ScopeSet::of(scopes),
                .with_anonymous = in_given_order(with_anonymous(scopes)),
                .expires = {std::numeric_limits<std::int64_t>::max()}};
  return std::make_shared<const Client>(std::move(client));
}

}  // namespace

std::vector<std::string> with_anonymous(std::vector<std::string> scopes) {
  std::vector<std::string> merged;
  merged.reserve(scopes.size() + 1);
  bool has_anonymous = false;
  std::size_t i = 0;
  while (i < scopes.size() && !has_anonymous && !(compare_scopes(anonymous_scope, scopes[i]) < 0)) {
    merged.push_back(std::move(scopes[i++]));
    const std::string& last = merged.back();
    has_anonymous = scope_satisfies(last, anonymous_scope);
    if (!is_star_scope(last)) continue;
    while (i < scopes.size() && scopes[i].starts_with(scope_base(last))) ++i;
  }
  if (!has_anonymous) merged.emplace_back(anonymous_scope);
  for (; i < scopes.size(); ++i) merged.push_back(std::move(scopes[i]));
  return merged;
}

LoneClientRealm::LoneClientRealm(std::string client_id,
                                 const Secret& access_token,
                                 const std::vector<std::string>& scopes)
    : client_id_(std::move(client_id)), client_(make_client(access_token, scopes)) {}

std::shared_ptr<const Client> LoneClientRealm::find(std::string_view client_id) const {
  return client_id == client_id_ ? client_ : nullptr;
}

HeldScopes LoneClientRealm::expand(std::vector<std::string> scopes) const {
  return in_given_order(std::move(scopes));
}

}  // namespace troupe::hawk
