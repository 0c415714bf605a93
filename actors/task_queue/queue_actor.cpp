#include "actors/task_queue/queue_actor.h"

#include "actors/kinds.h"
#include "actors/state_row.h"

namespace troupe::task_queue {
namespace {

class QueueActor final : public DurableActor {
 public:
  QueueActor(const ActorId& id, const Rows& rows) : row_(tables::queue_state, rows) {
    state_.task_queue_id = id.key;
    if (row_.exists()) decode_row(row_.words(), state_);
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
    if (state_.exists) row_.put(encode_row(state_), t.effects);
    return std::move(t.effects);
  }

  bool is_volatile() const override { return !state_.waiters.empty(); }

 private:
  StateRow row_;
  QueueState state_;
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
