// What can be asked about workers, answered from a snapshot.
#pragma once

#include "actors/lookup.h"
#include "actors/worker/state.h"

#include <string>
#include <vector>

namespace troupe::worker {

/// Workers of one queue, or all if it is empty, in order of queue, group and id, claims included.
std::vector<WorkerState> list_workers(const Snapshot& snapshot,
                                      const std::string& task_queue_id,
                                      const Page& page,
                                      std::string& next);

struct Staffing {
  std::size_t connected = 0;
  std::size_t capacity = 0;  // of those connected
  std::size_t claims = 0;    // of all
  std::size_t busy = 0;      // connected, with no room left
  std::size_t away = 0;      // not connected, but holding claims: their leases run
};

Staffing staffing(const Snapshot& snapshot, const std::string& task_queue_id);

/// Queues that have a connected worker.
std::vector<std::string> staffed_queues(const Snapshot& snapshot);

}  // namespace troupe::worker
