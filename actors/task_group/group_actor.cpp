#include "actors/task_group/group_actor.h"

#include "actors/kinds.h"
#include "actors/state_row.h"

namespace troupe::task_group {
namespace {

class GroupActor final : public DurableActor {
 public:
  GroupActor(const GroupConfig& config, const Rows& rows)
      : config_(config), row_(tables::group_state, rows) {
    if (row_.exists()) state_ = decode_row(row_.words());
  }

  Result<Effects> handle(const Message& message, const Context& context) override {
    auto outcome = transition(state_, message, config_, context);
    if (!outcome.ok()) return outcome.error();
    Transition t = std::move(outcome).value();
    if (t.next.exists) {
      row_.put(encode_row(t.next), t.effects);
    } else {
      row_.forget();
    }
    state_ = std::move(t.next);
    return std::move(t.effects);
  }

  bool is_volatile() const override {
    return !state_.release_callers.empty() || !state_.sweep_callers.empty();
  }

 private:
  const GroupConfig& config_;
  StateRow row_;
  GroupState state_;
};

}  // namespace

Kind kind(const GroupConfig& config) {
  auto shared = std::make_shared<const GroupConfig>(config);
  return {kinds::task_group,
          "task_group",
          {tables::group_state, tables::group_members, tables::group_swept},
          [shared](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<GroupActor>(*shared, rows);
          }};
}

}  // namespace troupe::task_group
