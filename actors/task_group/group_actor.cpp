#include "actors/task_group/group_actor.h"

#include "actors/kinds.h"

#include <algorithm>

namespace troupe::task_group {
namespace {

class GroupActor final : public DurableActor {
 public:
  explicit GroupActor(const Rows& rows) {
    if (const auto row = rows.get(tables::group_state.id, "")) {
      state_ = decode_row(row->words());
      row_ = *row;
    }
  }

  Result<Effects> handle(const Message& message, const Context& context) override {
    auto outcome = transition(state_, message, context);
    if (!outcome.ok()) return outcome.error();
    Transition t = std::move(outcome).value();
    if (t.next.exists) {
      Bytes row = encode_row(t.next);
      if (!std::ranges::equal(row.words(), row_.words())) {
        row_ = row;
        t.effects.rows.push_back({tables::group_state.id, "", std::move(row)});
      }
    }
    state_ = std::move(t.next);
    return std::move(t.effects);
  }

  bool is_volatile() const override { return !state_.release_callers.empty(); }

 private:
  GroupState state_;
  Bytes row_;  // as last written
};

}  // namespace

Kind kind() {
  return {kinds::task_group,
          "task_group",
          {tables::group_state, tables::group_members},
          [](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<GroupActor>(rows);
          }};
}

}  // namespace troupe::task_group
