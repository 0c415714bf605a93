#include "actors/task/task_actor.h"

#include "actors/state_row.h"
#include "actors/task/codec.h"
#include "actors/task/handlers.h"

namespace troupe::task {
namespace {

Result<Transition> on_timer(const TaskState& s, const Message& message, const Input& in) {
  if (message.timer == deadline_timer) return on_deadline_due(s, in);
  if (message.timer == claim_timer) return on_claim_due(s, message.attempt, in);
  if (message.timer == expiry_timer) return on_expiry_due(s, in);
  if (message.timer == artifacts_timer) return on_artifacts_due(s, in);
  return begin(s);
}

Result<Transition> on_message(const TaskState& s, const Message& message, const Input& in) {
  Stored<M> stored(message.body);
  const auto m = stored.get();
  switch (m.which()) {
    case M::CREATE: return on_create(s, message.body, in);
    case M::SCHEDULE: return on_schedule(s, in);
    case M::RERUN: return on_rerun(s, view(m.getRequestId()), in);
    case M::CANCEL: return on_cancel(s, in);
    case M::RECLAIM: return on_reclaim(s, m.getReclaim(), in);
    case M::RESOLVE: return on_resolve(s, m.getResolve(), in);
    case M::PUT_ARTIFACT: return on_put_artifact(s, m.getPutArtifact(), in);
    case M::FINISH_ARTIFACT: return on_finish_artifact(s, m.getFinishArtifact(), in);
    case M::STORE_BLOB: return on_store_blob(s, m.getStoreBlob(), in);
    case M::CLAIM_BY_NAME: return on_claim_by_name(s, m.getClaimByName(), m.getTimed(), in);
    case M::GROUP_ANSWER: return on_group_answer(s, m.getGroupAnswer(), in);
    case M::GROUP_TOLD_ANSWER: return on_group_told(s, in);
    case M::RELEASE: return on_release(s, in);
    case M::ADD_EDGE: return on_add_edge(s, m.getAddEdge(), in);
    case M::REMOVE_EDGE: return on_remove_edge(s, in);
    case M::EDGE_ANSWER: return on_edge_answer(s, m.getEdgeAnswer(), in);
    case M::SATISFIED: return on_satisfied(s, in);
    case M::SATISFIED_ANSWER: return on_satisfied_answer(s, in);
    case M::ENTRY_STORED: return on_entry_stored(s, m.getEntryStored(), in);
    case M::CLAIM_RUN: return on_claim_run(s, m, in);
    case M::CLAIM_REFUSED: return on_claim_refused(s, m, in);
    case M::WORKER_LOST: return on_worker_lost(s, m.getWorkerLost(), in);
    case M::KEEP_LOG: return on_keep_log(s, m.getKeepLog(), in);
    case M::CONTINUE_EDGES: return on_continue_edges(s, in);
    case M::CONTINUE_DEPENDENTS: return on_continue_dependents(s, in);
    case M::CHANGE_PRIORITY: return on_change_priority(s, m.getChangePriority(), in);
    case M::CANCEL_MEMBER: return on_cancel_member(s, in);
    case M::CHANGE_MEMBER_PRIORITY:
      return on_change_member_priority(s, m.getChangeMemberPriority(), in);
    case M::EXPIRE_CLAIM: return on_expire_claim(s, m.getExpireClaim(), in);
    case M::CONTINUE_EXPIRY: return on_continue_expiry(s, in);
  }
  return Error{Errc::invalid, "a message that this version does not know"};
}

class TaskActor final : public DurableActor {
 public:
  TaskActor(const TaskConfig& config, const Rows& rows)
      : config_(config), row_(tables::task_state, rows) {
    if (row_.exists()) state_ = decode_row(row_.words());
  }

  Result<Effects> handle(const Message& message, const Context& context) override {
    const Input in{context, config_, message.reply_to, message.from};
    auto outcome = message.source == Message::Source::timer ? on_timer(state_, message, in)
                                                            : on_message(state_, message, in);
    if (!outcome.ok()) return outcome.error();
    Transition t = std::move(outcome).value();
    answer_overtaken(t);
    if (t.next.exists) {
      row_.put(encode_row(t.next), t.effects);
    } else {
      row_.forget();
    }
    state_ = std::move(t.next);
    return std::move(t.effects);
  }

  bool is_volatile() const override {
    return !state_.creators.empty() || !state_.later.empty() || !state_.repeats.empty() ||
           !state_.until_stored.empty() || !state_.named_claims.empty() || state_.adopted_to;
  }

 private:
  const TaskConfig& config_;
  StateRow row_;
  TaskState state_;
};

}  // namespace

Kind kind(const TaskConfig& config) {
  auto shared = std::make_shared<const TaskConfig>(config);
  return {kinds::task,
          "task",
          {tables::task_state, tables::task_definition, tables::task_edges, tables::task_needs,
           tables::task_artifacts, tables::task_requests},
          [shared](const ActorId&, const Rows& rows) -> std::unique_ptr<DurableActor> {
            return std::make_unique<TaskActor>(*shared, rows);
          }};
}

}  // namespace troupe::task
