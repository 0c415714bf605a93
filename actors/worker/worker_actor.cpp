#include "actors/worker/worker_actor.h"

#include "actors/kinds.h"

#include <algorithm>

namespace troupe::worker {
namespace {

class WorkerActor final : public DurableActor {
 public:
  WorkerActor(const WorkerConfig& config, const Rows& rows) : config_(config) {
    if (const auto row = rows.get(tables::worker_state.id, "")) {
      state_ = decode_row(row->words());
      read_claims(rows, state_);
      row_ = *row;
    }
  }

  Result<Effects> handle(const Message& message, const Context& context) override {
    auto outcome = transition(state_, message, config_, context);
    if (!outcome.ok()) return outcome.error();
    Transition t = std::move(outcome).value();
    if (t.next.exists) {
      Bytes row = encode_row(t.next);
      if (!std::ranges::equal(row.words(), row_.words())) {
        row_ = row;
        t.effects.rows.push_back({tables::worker_state.id, "", std::move(row)});
      }
    }
    state_ = std::move(t.next);
    return std::move(t.effects);
  }

  bool is_volatile() const override { return static_cast<bool>(state_.subscription); }

 private:
  const WorkerConfig& config_;
  WorkerState state_;
  Bytes row_;  // as last written
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
