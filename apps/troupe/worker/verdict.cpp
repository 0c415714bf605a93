#include "apps/troupe/worker/verdict.h"

namespace troupe::worker {

const char* name_of(const Verdict& verdict) {
  if (verdict.outcome == schema::Outcome::COMPLETED) return "completed";
  if (verdict.outcome == schema::Outcome::FAILED) return "failed";
  switch (verdict.reason) {
    case schema::ReasonResolved::NONE: return "exception";
    case schema::ReasonResolved::COMPLETED: return "completed";
    case schema::ReasonResolved::FAILED: return "failed";
    case schema::ReasonResolved::DEADLINE_EXCEEDED: return "deadline-exceeded";
    case schema::ReasonResolved::CANCELED: return "canceled";
    case schema::ReasonResolved::CLAIM_EXPIRED: return "claim-expired";
    case schema::ReasonResolved::WORKER_SHUTDOWN: return "worker-shutdown";
    case schema::ReasonResolved::MALFORMED_PAYLOAD: return "malformed-payload";
    case schema::ReasonResolved::RESOURCE_UNAVAILABLE: return "resource-unavailable";
    case schema::ReasonResolved::INTERNAL_ERROR: return "internal-error";
    case schema::ReasonResolved::INTERMITTENT_TASK: return "intermittent-task";
  }
  return "exception";
}

}  // namespace troupe::worker
