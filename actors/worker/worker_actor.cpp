#include "actors/worker/worker_actor.h"

#include "actors/kinds.h"
#include "actors/state_row.h"

namespace troupe::worker {
namespace {

class WorkerActor final : public DurableActor {
 public:
  WorkerActor(const WorkerConfig& config, const Rows& rows)
      : config_(config), row_(tables::worker_state, rows) {
    if (!row_.exists()) return;
    state_ = decode_row(row_.words());
    read_claims(rows, state_);
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
    return static_cast<bool>(state_.subscription) || !state_.quarantining.empty();
  }

 private:
  const WorkerConfig& config_;
  StateRow row_;
  WorkerState state_;
};

}  // namespace

Kind kind(const WorkerConfig& config) {
  auto shared = std::make_shared<const WorkerConfig>(config);
  return {kinds::worker,
          "worker",
          {tables::worker_state, tables::worker_claims},
          [shared](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<WorkerActor>(*shared, rows);
          }};
}

}  // namespace troupe::worker
