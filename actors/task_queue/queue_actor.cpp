#include "actors/task_queue/queue_actor.h"

#include "actors/kinds.h"

#include <algorithm>

namespace troupe::task_queue {
namespace {

class QueueActor final : public DurableActor {
 public:
  QueueActor(const ActorId& id, const Rows& rows) {
    state_.task_queue_id = id.key;
    if (const auto row = rows.get(tables::queue_state.id, "")) {
      decode_row(row->words(), state_);
      row_ = *row;
    }
    Changes window;
    window.refill = read_window(rows);
    window.refill_whole = window.refill->size() < window_goal;
    apply(state_, std::move(window));
  }

  Result<Effects> handle(const Message& message, const Context& context) override {
    auto outcome = transition(state_, message, context);
    if (!outcome.ok()) return outcome.error();
    Transition t = std::move(outcome).value();
    apply(state_, std::move(t.changes));
    if (state_.exists) {
      Bytes row = encode_row(state_);
      if (!std::ranges::equal(row.words(), row_.words())) {
        row_ = row;
        t.effects.rows.push_back({tables::queue_state.id, "", std::move(row)});
      }
    }
    return std::move(t.effects);
  }

  bool is_volatile() const override { return !state_.waiters.empty(); }

 private:
  QueueState state_;
  Bytes row_;  // as last written
};

}  // namespace

Kind kind() {
  return {kinds::task_queue,
          "task_queue",
          {tables::queue_state, tables::queue_entries},
          [](const ActorId& id, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<QueueActor>(id, rows);
          }};
}

}  // namespace troupe::task_queue
