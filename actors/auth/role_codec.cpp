#include "actors/auth/codec.h"
#include "actors/auth/roles_actor.h"
#include "runtime/store/key.h"
#include "schema/store/auth.capnp.h"

namespace troupe::auth {

Bytes encode_role(const RoleState& role) {
  return build<schema::RoleRow>([&role](schema::RoleRow::Builder row) {
    row.setRoleId(text(role.role_id));
    fill_texts(role.scopes, row.initScopes(static_cast<unsigned>(role.scopes.size())));
    row.setDescription(text(role.description));
    row.setCreated(role.created.ms);
    row.setLastModified(role.last_modified.ms);
    row.setVersion(role.version);
  });
}

RoleState decode_role(WordSpan words) {
  Stored<schema::RoleRow> stored(words);
  const auto row = stored.get();
  return {str(row.getRoleId()),      texts(row.getScopes()),         str(row.getDescription()),
          Instant{row.getCreated()}, Instant{row.getLastModified()}, row.getVersion()};
}

std::string role_key(std::string_view role_id) {
  return KeyWriter().text(role_id).prefix();
}

}  // namespace troupe::auth
