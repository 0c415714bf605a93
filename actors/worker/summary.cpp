#include "actors/worker/summary.h"

#include "actors/lookup.h"
#include "actors/worker/queries.h"
#include "runtime/base/resources_text.h"
#include "runtime/store/message.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace troupe::worker {
namespace {

constexpr std::size_t quarantines_max = 20;

std::string offer_text(const std::vector<Resource>& resources) {
  std::map<std::string, std::uint64_t> amounts;
  for (const auto& [name, amount] : resources) amounts[name] = amount;
  return resources_text(amounts);
}

void fill_quarantines(const WorkerState& worker, schema::WorkerSummary::Builder out) {
  const auto& all = worker.quarantines;
  const std::size_t skipped = all.size() - std::min(all.size(), quarantines_max);
  auto list = out.initQuarantines(static_cast<unsigned>(all.size() - skipped));
  for (unsigned i = 0; i < list.size(); ++i) {
    const Quarantine& one = all[skipped + i];
    list[i].setClientId(text(one.client_id));
    list[i].setUpdatedAt(one.updated.ms);
    list[i].setQuarantineUntil(one.until.ms);
    list[i].setQuarantineInfo(text(one.info));
  }
}

}  // namespace

void fill_summary(const WorkerState& worker, Instant now, schema::WorkerSummary::Builder out) {
  out.setTaskQueueId(text(worker.task_queue_id));
  out.setWorkerGroup(text(worker.worker_group));
  out.setWorkerId(text(worker.worker_id));
  out.setConnected(worker.is_there(now));
  out.setCapacity(worker.capacity);
  out.setLastDateActive(worker.last_active.ms);
  out.setHost(text(worker.host));
  out.setVersion(text(worker.version));
  out.setPause(text(pause_of(worker, now)));
  out.setPolls(worker.polls());
  if (worker.resources) out.setResources(text(offer_text(*worker.resources)));
  if (worker.is_quarantined(now)) out.setQuarantineUntil(worker.quarantine_until.ms);
  out.setDrained(is_drained(worker, now));
  fill_quarantines(worker, out);
  auto claims = out.initClaims(static_cast<unsigned>(worker.claims.size()));
  unsigned next = 0;
  for (const auto& [run, token] : worker.claims) {
    claims[next].setTaskId(text(run.task_id));
    claims[next++].setRunId(run.run_id);
  }
}

}  // namespace troupe::worker
