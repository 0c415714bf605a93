#include "apps/troupe/worker/task_facts.h"

namespace troupe::worker {

std::string text_of(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}

ClaimId claim_id_of(schema::HeldClaim::Reader held) {
  return {
      .task_id = text_of(held.getTaskId()), .run_id = held.getRunId(), .token = held.getToken()};
}

TaskFacts task_facts_of(schema::ClaimOffer::Reader offer) {
  const auto task = offer.getTask();
  const auto status = offer.getStatus();
  TaskFacts facts{.id = claim_id_of(offer.getHeld()),
                  .task_group_id = text_of(task.getTaskGroupId()),
                  .task_queue_id = text_of(task.getTaskQueueId()),
                  .dependencies = {},
                  .scopes = {},
                  .deadline = Instant{task.getDeadline()},
                  .expires = Instant{task.getExpires()},
                  .payload = text_of(task.getPayload())};
  // The status has every default filled in; the definition is as its author wrote it.
  if (facts.task_group_id.empty()) facts.task_group_id = text_of(status.getTaskGroupId());
  if (facts.task_queue_id.empty()) facts.task_queue_id = text_of(status.getTaskQueueId());
  if (!facts.expires) facts.expires = Instant{status.getExpires()};
  for (const auto dependency : task.getDependencies()) {
    facts.dependencies.push_back(text_of(dependency));
  }
  for (const auto scope : task.getScopes()) facts.scopes.push_back(text_of(scope));
  return facts;
}

std::string name_of(const ClaimId& id) {
  return id.task_id + "/" + std::to_string(id.run_id);
}

}  // namespace troupe::worker
