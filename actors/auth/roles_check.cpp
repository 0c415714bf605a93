#include "actors/auth/roles_check.h"

#include "actors/auth/roles_actor.h"
#include "actors/auth/rules.h"
#include "actors/check.h"
#include "actors/kinds.h"
#include "runtime/base/hash.h"
#include "schema/store/auth.capnp.h"

namespace troupe::auth {
namespace {

enum Sets : std::size_t { roles };

void check_role(const CheckView& view,
                std::uint64_t version,
                std::string_view key,
                WordSpan words,
                std::vector<Role>& all) {
  Findings& findings = view.findings();
  findings.guard("roles row " + to_hex(as_bytes(key)), [&] {
    decode_whole<schema::RoleRow>(words);
    const RoleState role = decode_role(words);
    const std::string where = "role/" + role.role_id;
    const bool named = !role.role_id.empty() && role.role_id.find('\0') == std::string::npos;
    findings.expect(named && key.starts_with(role_key(role.role_id)), where,
                    "the row's key is of another role");
    findings.expect(role.version <= version, where, "R5: its version is above that of all roles");
    findings.expect(check_scopes(role.scopes).ok(), where, "a scope ends with two stars");
    all.push_back({role.role_id, role.scopes});
  });
}

void check_all(const CheckView& view, ActorRows& rows, WordSpan words) {
  decode_whole<schema::RolesRow>(words);
  Stored<schema::RolesRow> stored(words);
  const std::string where = "roles/" + roles_id().key;
  std::vector<Role> all;
  rows.rows(roles, [&](std::string_view key, WordSpan row) {
    check_role(view, stored.get().getVersion(), key, row, all);
  });
  view.findings().expect(stored.get().getCount() == all.size(), where, "R4: roles are miscounted");
  const Status valid = check_role_set(all);
  if (!valid.ok()) view.findings().add(where, valid.error().detail);
}

}  // namespace

CheckedKind checked_roles() {
  return {kinds::roles,
          "roles",
          tables::roles_state,
          {tables::roles},
          [](WordSpan) { return roles_id().key; },
          decode_whole<schema::RolesMessage>};
}

void check_roles(const CheckView& view) {
  const CheckedKind kind = checked_roles();
  for (const Snapshot* shard : view.shards()) {
    ActorRows rows(*shard, kind, view.findings());
    rows.each([&](std::uint64_t number, WordSpan row) {
      view.findings().guard("roles_state row " + std::to_string(number),
                            [&] { check_all(view, rows, row); });
    });
  }
}

}  // namespace troupe::auth
