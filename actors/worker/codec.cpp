#include "actors/each_row.h"
#include "actors/kinds.h"
#include "actors/worker/worker_actor.h"
#include "runtime/store/message.h"
#include "schema/store/rows.capnp.h"

namespace troupe::worker {

std::vector<Resource> read_resources(capnp::List<schema::Resource>::Reader list) {
  std::vector<Resource> resources;
  for (const auto one : list) resources.push_back({str(one.getName()), one.getAmount()});
  return resources;
}

void note_claim(WordSpan words, WorkerState& state) {
  Stored<schema::WorkerClaimRow> stored(words);
  const auto claim = stored.get();
  const ClaimedRun run{str(claim.getTaskId()), claim.getRunId()};
  state.claims.insert_or_assign(run, claim.getToken());
  if (claim.getTimed()) state.timed.insert_or_assign(run, claim.getToken());
}

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
    row.setQuarantineUntil(state.quarantine_until.ms);
    auto history = row.initQuarantines(static_cast<unsigned>(state.quarantines.size()));
    for (unsigned i = 0; i < history.size(); ++i) {
      history[i].setClientId(text(state.quarantines[i].client_id));
      history[i].setUpdatedAt(state.quarantines[i].updated.ms);
      history[i].setQuarantineUntil(state.quarantines[i].until.ms);
      history[i].setQuarantineInfo(text(state.quarantines[i].info));
    }
    if (!state.resources) return;
    auto resources = row.initResources(static_cast<unsigned>(state.resources->size()));
    for (unsigned i = 0; i < resources.size(); ++i) {
      resources[i].setName(text((*state.resources)[i].name));
      resources[i].setAmount((*state.resources)[i].amount);
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
  state.quarantine_until = Instant{row.getQuarantineUntil()};
  for (const auto change : row.getQuarantines()) {
    state.quarantines.push_back({str(change.getClientId()), Instant{change.getUpdatedAt()},
                                 Instant{change.getQuarantineUntil()},
                                 str(change.getQuarantineInfo())});
  }
  if (row.hasResources()) state.resources = read_resources(row.getResources());
  return state;
}

void read_claims(const Rows& rows, WorkerState& state) {
  each_row(rows, tables::worker_claims.id, "",
           [&state](const std::string&, WordSpan words) { note_claim(words, state); });
}

}  // namespace troupe::worker
