#include "actors/auth/audit.h"
#include "actors/auth/codec.h"
#include "actors/auth/events.h"
#include "actors/auth/roles_actor.h"
#include "actors/auth/rules.h"
#include "actors/kinds.h"
#include "runtime/scopes/scope.h"
#include "schema/store/auth.capnp.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace troupe::auth {
namespace {

using M = schema::RolesMessage;

/// What every handler is given.
struct Call {
  const RolesState& s;
  M::Reader m;
  const Message& message;
  const Context& context;
  const std::string role_id;
  const std::optional<RoleState> role;  // as it is stored
};

std::optional<RoleState> read_role(const Context& context, const std::string& role_id) {
  const auto row = context.rows.get(tables::roles.id, role_key(role_id));
  if (!row) return std::nullopt;
  return decode_role(row->words());
}

std::vector<std::string> in_scope_order(std::vector<std::string> scopes) {
  std::ranges::sort(scopes, ScopeLess{});
  return scopes;
}

// R5. Numbers of messages rise as these come, not as they are handled.
std::uint64_t next_version(const Call& call) {
  return std::max(call.context.number, call.s.version + 1);
}

/// A change that the API publishes, in the audit history and as an event.
void publish(const Call& call, const char* action, RolesTransition& t) {
  add_audit(t.effects, {"role", call.role_id, str(call.m.getBy()), action, call.context.now});
  t.effects.events.push_back(role_event(("role-" + std::string(action)).c_str(), call.role_id));
}

void reply(const Call& call, Bytes answer, RolesTransition& t) {
  t.effects.replies.push_back({call.message.reply_to, std::move(answer), false});
}

/// `role` is stored, as one of `set`.
void put_role(const Call& call, RoleState role, RoleSet set, RolesTransition& t) {
  t.next.version = next_version(call);
  t.next.set = std::move(set);
  role.version = t.next.version;
  Bytes row = encode_role(role);
  t.effects.rows.push_back({tables::roles.id, role_key(role.role_id), row});
  reply(call, std::move(row), t);
}

// All roles with this one as it is to be. Errors: `invalid` also where nobody could use it.
Result<RoleSet> changed_set(const Call& call, const std::vector<std::string>& scopes) {
  auto set = call.s.set.with({call.role_id, scopes});
  if (!set.ok()) return set;
  const auto expanded = set.value().expand(ScopeSet::of({"assume:" + call.role_id}));
  if (!expanded.ok()) return Error{Errc::invalid, expanded.error().detail};
  return set;
}

// The same again is answered by the role as it is, however long ago it was made.
Result<RolesTransition> on_create(const Call& call, M::Create::Reader m) {
  auto scopes = texts(m.getScopes());
  if (auto good = check_scopes(scopes); !good.ok()) return good.error();
  scopes = in_scope_order(std::move(scopes));
  RolesTransition t{call.s, {}};
  if (call.role) {
    const bool repeat = call.role->description == view(m.getDescription()) &&
                        in_scope_order(call.role->scopes) == scopes;
    if (!repeat) {
      return Error{Errc::conflict, "Role with roleId '" + call.role_id + "' already exists"};
    }
    reply(call, encode_role(*call.role), t);
  } else {
    auto set = changed_set(call, scopes);
    if (!set.ok()) return set.error();
    RoleState role{call.role_id, std::move(scopes), str(m.getDescription()), call.context.now,
                   call.context.now};
    put_role(call, std::move(role), std::move(set).value(), t);
  }
  publish(call, "created", t);
  return t;
}

Result<RolesTransition> on_update(const Call& call, M::Update::Reader m) {
  auto scopes = texts(m.getScopes());
  if (auto good = check_scopes(scopes); !good.ok()) return good.error();
  if (!call.role) {
    return Error{Errc::not_found, "Role with roleId '" + call.role_id + "' not found"};
  }
  // Which scopes are new depends on what the role expands to, so on all of them.
  if (call.s.version != m.getVersion()) return stale();
  auto set = changed_set(call, scopes);
  if (!set.ok()) return set.error();
  RolesTransition t{call.s, {}};
  RoleState role = *call.role;
  role.scopes = std::move(scopes);
  role.description = str(m.getDescription());
  role.last_modified = call.context.now;
  put_role(call, std::move(role), std::move(set).value(), t);
  publish(call, "updated", t);
  return t;
}

Result<RolesTransition> on_delete(const Call& call) {
  RolesTransition t{call.s, {}};
  if (call.role) {
    t.next.version = next_version(call);
    t.next.set = call.s.set.without(call.role_id);
    t.effects.rows.push_back({tables::roles.id, role_key(call.role_id), std::nullopt});
  }
  publish(call, "deleted", t);
  reply(call, Bytes{}, t);
  return t;
}

}  // namespace

Result<RolesTransition> transition(const RolesState& s,
                                   const Message& message,
                                   const Context& context) {
  Stored<M> stored(message.body);
  const auto m = stored.get();
  const std::string role_id = str(m.getRoleId());
  const Call call{s, m, message, context, role_id, read_role(context, role_id)};
  TROUPE_INVARIANT(call.role.has_value() == (s.set.find(role_id) != nullptr));  // R4
  switch (m.which()) {
    case M::CREATE: return on_create(call, m.getCreate());
    case M::UPDATE: return on_update(call, m.getUpdate());
    case M::DELETE: return on_delete(call);
  }
  return Error{Errc::invalid, "a message that this version does not know"};
}

}  // namespace troupe::auth
