#include "actors/task_queue/queue_actor.h"

#include "actors/kinds.h"
#include "actors/state_row.h"
#include "actors/task_queue/codec.h"

namespace troupe::task_queue {
namespace {

class QueueActor final : public DurableActor {
 public:
  QueueActor(const QueueConfig& config, const ActorId& id, const Rows& rows)
      : config_(config), row_(tables::queue_state, rows) {
    state_.task_queue_id = id.key;
    state_.lanes = Lanes(config.lanes_max);
    read_state(rows, state_);
  }

  Result<Effects> handle(const Message& message, const Context& context) override {
    if (void_) read_again(context);
    state_.waiters.begin();
    try {
      auto effects = task_queue::handle(state_, message, config_, context);
      if (effects.ok()) put_row(effects.value());
      return effects;
    } catch (...) {
      state_.waiters.undo();
      void_ = true;
      throw;
    }
  }

  bool is_volatile() const override { return !state_.waiters.empty(); }

 private:
  void read_again(const Context& context) {
    QueueState again;
    again.task_queue_id = context.self.key;
    again.lanes = Lanes(config_.lanes_max);
    read_state(context.rows, again);
    again.waiters = std::move(state_.waiters);
    again.waiters.look_again();
    state_ = std::move(again);
    void_ = false;
  }

  void put_row(Effects& effects) {
    if (state_.exists) {
      row_.put(encode_row(state_), effects);
    } else if (row_.exists()) {
      effects.rows.push_back({tables::queue_state.id, "", std::nullopt});
      row_.forget();
    }
  }

  const QueueConfig config_;
  StateRow row_;
  QueueState state_;
  bool void_ = false;  // a handler threw: rows are to be read again
};

}  // namespace

Kind kind(const QueueConfig& config) {
  return {kinds::task_queue,
          "task_queue",
          {tables::queue_state, tables::queue_entries, tables::queue_quarantines,
           tables::queue_requests, tables::queue_lanes, tables::queue_held, tables::queue_admitted,
           tables::queue_concurrency},
          [config](const ActorId& id, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<QueueActor>(config, id, rows);
          }};
}

}  // namespace troupe::task_queue
