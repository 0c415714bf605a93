// What can be asked about workers, answered from a snapshot.
#pragma once

#include "actors/lookup.h"
#include "actors/worker/state.h"

#include <optional>
#include <string>
#include <vector>

namespace troupe::worker {

/// Workers of one queue, or all if it is empty, in order of queue, group and id, claims included.
std::vector<WorkerState> list_workers(const Snapshot& snapshot,
                                      const std::string& task_queue_id,
                                      const Page& page,
                                      std::string& next);

/// Nothing if there never was such a worker. Its claims included.
std::optional<WorkerState> find_worker(const Snapshot& snapshot,
                                       const std::string& task_queue_id,
                                       const std::string& worker_group,
                                       const std::string& worker_id);

struct Staffing {
  std::size_t connected = 0;
  std::size_t capacity = 0;  // of those connected
  std::size_t claims = 0;    // of all
  std::size_t busy = 0;      // connected, with no room left, and not paused
  std::size_t away = 0;      // not connected, but holding claims: their leases run
  std::size_t paused = 0;    // connected, but taking no claims, whatever room they have
  std::string pauser;        // the first of the paused: `group/id`
  std::string pause;         // why that one takes none
};

Staffing staffing(const Snapshot& snapshot, const std::string& task_queue_id);

/// Queues that have a connected worker.
std::vector<std::string> staffed_queues(const Snapshot& snapshot);

}  // namespace troupe::worker
