#include "actors/auth/queries.h"

#include "actors/auth/client_actor.h"
#include "actors/auth/roles_actor.h"
#include "actors/kinds.h"
#include "schema/store/auth.capnp.h"
#include "schema/store/envelope.capnp.h"

namespace troupe::auth {
namespace {

// Of longer ids the table of names keeps the beginning and a hash (key.h).
constexpr std::size_t name_bytes_kept = 400;

std::optional<WordSpan> client_row(const Snapshot& snapshot, std::uint64_t number) {
  return own_row(snapshot, tables::clients, number);
}

bool is_key_text(std::string_view text) {
  return !text.empty() && text.find('\0') == std::string_view::npos;
}

}  // namespace

std::optional<ClientState> find_client(const Snapshot& snapshot, std::string_view client_id) {
  if (!is_key_text(client_id)) return std::nullopt;
  const auto number = find_actor_number(snapshot, {kinds::client, std::string(client_id)});
  const auto words = client_row(snapshot, number);
  if (!words) return std::nullopt;
  return decode_client(*words);
}

std::optional<ClientUse> client_use(const Snapshot& snapshot, std::string_view client_id) {
  if (!is_key_text(client_id)) return std::nullopt;
  const auto number = find_actor_number(snapshot, {kinds::client, std::string(client_id)});
  const auto words = client_row(snapshot, number);
  if (!words) return std::nullopt;
  Stored<schema::ClientRow> row(*words);
  return ClientUse{row.get().getVersion(), Instant{row.get().getLastDateUsed()}};
}

std::vector<ClientState> list_clients(const Snapshot& snapshot,
                                      std::string_view prefix,
                                      const Page& page,
                                      std::string& next) {
  std::vector<ClientState> found;
  const std::string kind = KeyWriter().u16(kinds::client.value).prefix();
  const std::string own = kind + std::string(prefix.substr(0, name_bytes_kept));
  // What comes behind `after` and its 0 byte; `after` itself is passed over.
  const std::string start = std::max(own, page.after.empty() ? own : kind + page.after);
  std::string last;
  snapshot.scan(tables::names.id, start, [&](std::string_view key, WordSpan value) {
    if (!key.starts_with(own)) return false;
    const std::string_view name = KeyReader(key.substr(kind.size())).text();
    if (!page.after.empty() && name <= page.after) return true;
    const auto row = client_row(snapshot, Stored<schema::NameRow>(value).get().getNumber());
    if (!row) return true;
    Stored<schema::ClientRow> client(*row);
    if (!view(client.get().getClientId()).starts_with(prefix)) return true;
    if (found.size() == page.limit) {
      next = write_token(last);
      return false;
    }
    found.push_back(decode_client(*row));
    last = name;
    return true;
  });
  return found;
}

std::uint64_t roles_version(const Snapshot& snapshot) {
  const auto row = own_row(snapshot, tables::roles_state, find_actor_number(snapshot, roles_id()));
  return row ? Stored<schema::RolesRow>(*row).get().getVersion() : 0;
}

std::optional<RoleState> find_role(const Snapshot& snapshot, std::string_view role_id) {
  if (!is_key_text(role_id)) return std::nullopt;
  const auto words =
      own_row(snapshot, tables::roles, find_actor_number(snapshot, roles_id()), role_key(role_id));
  if (!words) return std::nullopt;
  return decode_role(*words);
}

std::vector<RoleState> list_roles(const Snapshot& snapshot, RoleRange range, bool& more) {
  std::vector<RoleState> found;
  std::size_t passed = 0;
  more = false;
  scan_own(snapshot, tables::roles, find_actor_number(snapshot, roles_id()), "", "",
           [&](std::string_view, WordSpan words) {
             if (passed++ < range.offset) return true;
             more = range.limit != 0 && found.size() == range.limit;
             if (!more) found.push_back(decode_role(words));
             return !more;
           });
  return found;
}

}  // namespace troupe::auth
