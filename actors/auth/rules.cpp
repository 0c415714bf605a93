#include "actors/auth/rules.h"

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

Status check_scope_count(std::size_t count) {
  if (count <= scopes_max) return Done{};
  return Error{Errc::invalid,
               "at most " + std::to_string(scopes_max) + " scopes, not " + std::to_string(count)};
}

Status check_scope(std::string_view scope) {
  if (scope.ends_with("**")) return Error{Errc::invalid, "scopes must not end with `**`"};
  return Done{};
}

Status check_scopes(const std::vector<std::string>& scopes) {
  for (const auto& scope : scopes) {
    if (auto good = check_scope(scope); !good.ok()) return good;
  }
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
