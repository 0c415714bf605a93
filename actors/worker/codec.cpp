#include "actors/kinds.h"
#include "actors/worker/worker_actor.h"
#include "runtime/store/message.h"
#include "schema/store/rows.capnp.h"

namespace troupe::worker {
namespace {

constexpr std::size_t claims_read_max = 10'000;

}  // namespace

Bytes encode_row(const WorkerState& state) {
  return build<schema::WorkerRow>([&state](schema::WorkerRow::Builder row) {
    row.setTaskQueueId(text(state.task_queue_id));
    row.setWorkerGroup(text(state.worker_group));
    row.setWorkerId(text(state.worker_id));
    row.setCapacity(state.capacity);
    row.setHost(text(state.host));
    row.setVersion(text(state.version));
    row.setSession(state.session);
    row.setProcess(state.process);
    row.setFirstClaim(state.first_claim.ms);
    row.setLastDateActive(state.last_active.ms);
    row.setExpires(state.expires.ms);
    row.setPause(text(state.pause));
    row.setAwaySince(state.away_since.ms);
    row.setLeaseUntil(state.lease_until.ms);
    auto recent = row.initRecentTasks(static_cast<unsigned>(state.recent.size()));
    for (unsigned i = 0; i < recent.size(); ++i) {
      recent[i].setTaskId(text(state.recent[i].task_id));
      recent[i].setRunId(state.recent[i].run_id);
    }
  });
}

WorkerState decode_row(WordSpan words) {
  Stored<schema::WorkerRow> stored(words);
  const auto row = stored.get();
  WorkerState state;
  state.exists = true;
  state.task_queue_id = str(row.getTaskQueueId());
  state.worker_group = str(row.getWorkerGroup());
  state.worker_id = str(row.getWorkerId());
  state.capacity = row.getCapacity();
  state.host = str(row.getHost());
  state.version = str(row.getVersion());
  state.session = row.getSession();
  state.process = row.getProcess();
  state.first_claim = Instant{row.getFirstClaim()};
  state.last_active = Instant{row.getLastDateActive()};
  state.expires = Instant{row.getExpires()};
  state.pause = str(row.getPause());
  state.away_since = Instant{row.getAwaySince()};
  state.lease_until = Instant{row.getLeaseUntil()};
  for (const auto run : row.getRecentTasks()) {
    state.recent.push_back({str(run.getTaskId()), run.getRunId()});
  }
  return state;
}

void read_claims(const Rows& rows, WorkerState& state) {
  for (const auto& row : rows.scan(tables::worker_claims.id, "", "", claims_read_max)) {
    Stored<schema::WorkerClaimRow> claim(row.value);
    state.claims[{str(claim.get().getTaskId()), claim.get().getRunId()}] = claim.get().getToken();
  }
}

}  // namespace troupe::worker
