#include "actors/void_claims.h"

#include "actors/kinds.h"
#include "runtime/actor/check.h"
#include "runtime/actor/envelope.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"

namespace troupe {

std::vector<RowOp> void_claims(const Snapshot& snapshot,
                               ShardPlace place,
                               std::uint64_t first_count) {
  std::vector<RowOp> rows;
  for (RowCursor cursor(snapshot, tables::task_state.id); cursor; cursor.next()) {
    Stored<schema::TaskRow> stored(cursor.words());
    const auto task = stored.get();
    const auto runs = task.getRuns();
    if (runs.size() == 0) continue;
    const auto run = runs[runs.size() - 1];
    if (run.getState() != schema::TaskState::RUNNING) continue;
    const ActorId worker = worker_id(str(task.getTaskQueueId()) + "/" + str(run.getWorkerGroup()) +
                                     "/" + str(run.getWorkerId()));
    const Bytes lost = build<schema::TaskMessage>([&](schema::TaskMessage::Builder m) {
      auto claim = m.initWorkerLost();
      claim.setRunId(runs.size() - 1);
      claim.setToken(run.getToken());
    });
    const std::uint64_t number = (first_count + rows.size()) * place.count + place.index;
    rows.push_back({tables::inbox.id, KeyWriter().u64(number).key(),
                    encode_envelope(worker, task_id(str(task.getTaskId())), 0, lost)});
  }
  return rows;
}

}  // namespace troupe
