#include "actors/auth/rules.h"

#include <algorithm>

namespace troupe::auth {

bool is_static(std::string_view client_id) {
  return client_id.starts_with("static/");
}

Status check_not_static(std::string_view client_id) {
  if (!is_static(client_id)) return Done{};
  return Error{Errc::invalid,
               "clientId \"" + std::string(client_id) +
                   "\" starts with \"static/\" which is reserved for statically configured "
                   "clients. Contact your administrator to change static clients."};
}

Status check_scopes(const std::vector<std::string>& scopes) {
  const bool bad =
      std::ranges::any_of(scopes, [](const std::string& scope) { return scope.ends_with("**"); });
  if (bad) return Error{Errc::invalid, "scopes must not end with `**`"};
  return Done{};
}

std::vector<std::string> worker_scopes(const std::string& pool) {
  return {"queue:claim-work:" + pool, "queue:worker-id:*"};
}

Error stale() {
  return {Errc::stale, "changed meanwhile, again and again: try again"};
}

bool is_stale(const Error& error) {
  return error.code == Errc::stale;
}

}  // namespace troupe::auth
