#include "actors/auth/events.h"

#include "runtime/base/json_writer.h"

#include <fmt/format.h>

namespace troupe::auth {
namespace {

Event make_event(const char* name, const char* id_key, const std::string& id) {
  JsonWriter json;
  json.begin_object().key("version").int64(1).key(id_key).string(id).end_object();
  return {api::exchange_prefix("auth") + name, "_", {}, json.take()};
}

// What is said of clients and of roles alike. `what`: `client` or `role`.
void add_exchanges(const std::string& what, api::ServiceExchanges& out) {
  for (const char* change : {"created", "updated", "deleted"}) {
    const std::string title = static_cast<char>(what[0] - 'a' + 'A') + what.substr(1);
    out.exchanges.push_back({.name = fmt::format("{}-{}", what, change),
                             .title = fmt::format("{} {}", title, change),
                             .description = fmt::format("A {} was {}.", what, change),
                             .routing_key = {api::reserved_word()},
                             .schema = what + "-message"});
  }
}

}  // namespace

api::ServiceExchanges exchanges() {
  api::ServiceExchanges out{.service = "auth",
                            .title = "Messages of the auth service",
                            .description = "Changes of clients and roles.",
                            .exchanges = {},
                            .schemas = {}};
  for (const char* what : {"client", "role"}) add_exchanges(what, out);
  const api::MessageProperty version{"version", R"({"enum":[1]})"};
  out.schemas["client-message"] = {
      version, {"clientId", R"({"type":"string","pattern":"^[A-Za-z0-9!@/:.+|_-]+$"})"}};
  out.schemas["role-message"] = {version,
                                 {"roleId", R"({"type":"string","pattern":"^[\\x20-\\x7e]+$"})"}};
  return out;
}

Event client_event(const char* name, const std::string& client_id) {
  return make_event(name, "clientId", client_id);
}

Event role_event(const char* name, const std::string& role_id) {
  return make_event(name, "roleId", role_id);
}

}  // namespace troupe::auth
