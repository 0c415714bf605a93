#include "actors/task_queue/queue_actor.h"
#include "actors/task_queue/step.h"

namespace troupe::task_queue {
namespace {

// False: a message that this version does not know.
bool on_message(Step& t) {
  Stored<M> stored(t.message.body);
  const auto m = stored.get();
  switch (m.which()) {
    case M::AWAIT: on_await(t, m); return true;
    case M::LEAVE: on_leave(t, m.getLeave()); return true;
    case M::CLAIM_WORK: on_claim_work(t, m.getClaimWork()); return true;
    case M::STOP_WAITING: on_stop_waiting(t, m.getStopWaiting()); return true;
    case M::CLAIM_ANSWER: on_claim_answer(t, m.getClaimAnswer()); return true;
    case M::PUT_ENTRY: on_put_entry(t, m); return true;
    case M::REMOVE_ENTRY: on_remove_entry(t, m.getRemoveEntry()); return true;
    case M::MOVE_ENTRY: on_move_entry(t, m.getMoveEntry()); return true;
    case M::CLAIM_DONE: on_claim_done(t, m.getClaimDone()); return true;
    case M::CLAIM_ENTRY: on_claim_entry(t, m); return true;
    case M::CONTINUE_MATCHING: on_continue(t, m); return true;
    case M::QUARANTINE: on_quarantine(t, m); return true;
    case M::ACTIVE: on_active(t, Instant{m.getActive()}); return true;
  }
  return false;
}

void on_timer(Step& t) {
  if (t.message.timer == record_timer) on_record_due(t);
  if (t.message.timer == quarantine_timer) on_quarantine_due(t);
}

}  // namespace

Result<Effects> handle(QueueState& state,
                       const Message& message,
                       const QueueConfig& config,
                       const Context& context) {
  Step t(state, message, config, context);
  if (message.source == Message::Source::timer) {
    on_timer(t);
  } else if (!on_message(t)) {
    return Error{Errc::invalid, "a message that this version does not know"};
  }
  remove_if_unused(t);
  t.effects.rows = t.rows.take();
  return std::move(t.effects);
}

}  // namespace troupe::task_queue
