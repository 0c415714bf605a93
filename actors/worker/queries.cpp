#include "actors/worker/queries.h"

#include "actors/kinds.h"
#include "actors/worker/worker_actor.h"
#include "schema/store/rows.capnp.h"

#include <algorithm>

namespace troupe::worker {
namespace {

std::optional<WorkerState> read_worker(const Snapshot& snapshot, std::uint64_t number) {
  const auto words = own_row(snapshot, tables::worker_state, number);
  if (!words) return std::nullopt;
  WorkerState state = decode_row(*words);
  scan_own(snapshot, tables::worker_claims, number, "", "", [&](std::string_view, WordSpan row) {
    Stored<schema::WorkerClaimRow> claim(row);
    state.claims[{str(claim.get().getTaskId()), claim.get().getRunId()}] = claim.get().getToken();
    return true;
  });
  return state;
}

std::string name_prefix(const std::string& task_queue_id) {
  return task_queue_id.empty() ? "" : task_queue_id + "/";
}

}  // namespace

std::vector<WorkerState> list_workers(const Snapshot& snapshot,
                                      const std::string& task_queue_id,
                                      const Page& page,
                                      std::string& next) {
  std::vector<WorkerState> found;
  std::string last;
  scan_names(snapshot, kinds::worker, name_prefix(task_queue_id),
             [&](std::string_view key, std::uint64_t number) {
               if (!page.after.empty() && key <= page.after) return true;
               if (found.size() == page.limit) {
                 next = write_token(last);
                 return false;
               }
               if (auto worker = read_worker(snapshot, number)) {
                 found.push_back(std::move(*worker));
                 last = key;
               }
               return true;
             });
  return found;
}

std::optional<WorkerState> find_worker(const Snapshot& snapshot,
                                       const std::string& task_queue_id,
                                       const std::string& worker_group,
                                       const std::string& worker_id) {
  const ActorId id = troupe::worker_id(task_queue_id + "/" + worker_group + "/" + worker_id);
  return read_worker(snapshot, find_actor_number(snapshot, id));
}

Staffing staffing(const Snapshot& snapshot, const std::string& task_queue_id) {
  Staffing total;
  scan_names(snapshot, kinds::worker, name_prefix(task_queue_id),
             [&](std::string_view, std::uint64_t number) {
               const auto worker = read_worker(snapshot, number);
               if (!worker) return true;
               total.claims += worker->claims.size();
               if (worker->session == 0) {
                 total.away += worker->claims.empty() ? 0 : 1;
                 return true;
               }
               total.connected += 1;
               total.capacity += worker->capacity;
               if (!worker->pause.empty()) {
                 if (total.paused++ > 0) return true;
                 total.pauser = worker->worker_group + "/" + worker->worker_id;
                 total.pause = worker->pause;
               } else if (worker->claims.size() >= worker->capacity) {
                 total.busy += 1;
               }
               return true;
             });
  return total;
}

std::vector<std::string> staffed_queues(const Snapshot& snapshot) {
  std::vector<std::string> queues;
  scan_names(snapshot, kinds::worker, "", [&](std::string_view, std::uint64_t number) {
    const auto words = own_row(snapshot, tables::worker_state, number);
    if (!words) return true;
    Stored<schema::WorkerRow> row(*words);
    if (row.get().getSession() == 0) return true;
    const std::string queue = str(row.get().getTaskQueueId());
    if (queues.empty() || queues.back() != queue) queues.push_back(queue);
    return true;
  });
  return queues;
}

}  // namespace troupe::worker
