#include "actors/auth/roles_actor.h"

#include "actors/each_row.h"
#include "actors/kinds.h"
#include "actors/state_row.h"
#include "runtime/store/message.h"
#include "schema/store/auth.capnp.h"

#include <stdexcept>
#include <utility>

namespace troupe::auth {
namespace {

std::vector<Role> read_all(const Rows& rows) {
  std::vector<Role> roles;
  each_row(rows, tables::roles.id, "", [&roles](const std::string&, WordSpan words) {
    RoleState role = decode_role(words);
    roles.push_back({std::move(role.role_id), std::move(role.scopes)});
  });
  return roles;
}

Bytes encode_roles(const RolesState& state) {
  return build<schema::RolesRow>([&state](schema::RolesRow::Builder row) {
    row.setVersion(state.version);
    row.setCount(state.set.size());
  });
}

class RolesActor final : public DurableActor {
 public:
  explicit RolesActor(const Rows& rows) : row_(tables::roles_state, rows) {
    if (!row_.exists()) return;
    state_.version = Stored<schema::RolesRow>(row_.words()).get().getVersion();
    auto set = RoleSet::of(read_all(rows));
    if (!set.ok()) throw std::runtime_error("the stored roles: " + set.error().detail);
    state_.set = std::move(set).value();
  }

  Result<Effects> handle(const Message& message, const Context& context) override {
    auto outcome = transition(state_, message, context);
    if (!outcome.ok()) return outcome.error();
    RolesTransition t = std::move(outcome).value();
    TROUPE_ENSURES(t.next.version >= state_.version);  // R5
    if (t.next.version != state_.version) row_.put(encode_roles(t.next), t.effects);
    state_ = std::move(t.next);
    return std::move(t.effects);
  }

 private:
  StateRow row_;
  RolesState state_;
};

}  // namespace

Kind roles_kind() {
  return {kinds::roles,
          "roles",
          {tables::roles_state, tables::roles},
          [](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<RolesActor>(rows);
          }};
}

}  // namespace troupe::auth
