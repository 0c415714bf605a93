// The kind `roles`: one durable actor that has all roles (`roles_id()` in kinds.h).
#pragma once

#include "actors/auth/roles_state.h"
#include "runtime/actor/durable_actor.h"

namespace troupe::auth {

Kind roles_kind();

/// A RoleRow: what is stored, and what commands answer.
Bytes encode_role(const RoleState& role);
RoleState decode_role(WordSpan row);

/// The key of a role's row.
std::string role_key(std::string_view role_id);

struct RolesTransition {
  RolesState next;
  Effects effects;  // without the row of `next`
};

/// Pure: what one message (schema::RolesMessage) does. It reads the row of the role it is about.
///
/// Errors: `invalid` a scope that ends with two stars, or a set that would not be valid;
/// `not_found` "Role with roleId 'ID' not found"; `conflict` "Role with roleId 'ID' already
/// exists"; `stale` an update, and the roles are of another version.
Result<RolesTransition> transition(const RolesState& state,
                                   const Message& message,
                                   const Context& context);

}  // namespace troupe::auth
