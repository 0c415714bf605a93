// One claimed run, as the worker keeps it: plain values copied from the offer.
#pragma once

#include "runtime/base/time.h"
#include "schema/rpc/worker.capnp.h"

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe::worker {

/// Names a run's claim, across reclaims and reconnects.
struct ClaimId {
  std::string task_id;
  std::uint32_t run_id = 0;
  std::uint64_t token = 0;

  auto operator<=>(const ClaimId&) const = default;
};

/// What executing a task needs of its definition.
struct TaskFacts {
  ClaimId id;
  std::string task_group_id;
  std::string task_queue_id;
  std::vector<std::string> dependencies;
  std::vector<std::string> scopes;
  Instant deadline;
  Instant expires;
  std::string payload;  // JSON text, not yet checked
};

std::string text_of(capnp::Text::Reader text);
ClaimId claim_id_of(schema::HeldClaim::Reader held);
TaskFacts task_facts_of(schema::ClaimOffer::Reader offer);

/// `TASKID/RUNID`, for log lines.
std::string name_of(const ClaimId& id);

}  // namespace troupe::worker
