// What can be asked about workers, answered from a snapshot.
#pragma once

#include "actors/lookup.h"
#include "actors/worker/state.h"
#include "schema/store/rows.capnp.h"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::worker {

/// Visits the workers of one queue, or all if it is empty, in order of queue, group and id, claims
/// included, until the visitor says false.
void visit_workers(const Snapshot& snapshot,
                   const std::string& task_queue_id,
                   const std::function<bool(WorkerState&)>& visit);

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

/// Visits the claims that the workers of one queue hold, until the visitor says false. `worker` is
/// `group/id`. Reads names and claims, not the workers.
void visit_claims(const Snapshot& snapshot,
                  const std::string& task_queue_id,
                  const std::function<bool(const std::string& worker,
                                           schema::WorkerClaimRow::Reader claim)>& visit);

/// How many these are.
std::size_t count_claims(const Snapshot& snapshot, const std::string& task_queue_id);

/// Why it takes no tasks, whatever room it has, for people; empty: it takes them.
std::string pause_of(const WorkerState& worker, Instant now);

/// Whether it is in a quarantine without an end.
bool is_drained(const WorkerState& worker, Instant now);

/// Whether lists show it: it has a record, a claim or a quarantine.
bool is_known(const WorkerState& worker, Instant now);

struct Staffing {
  std::size_t connected = 0;    // or heard of over HTTP of late
  std::size_t capacity = 0;     // of those connected
  std::size_t claims = 0;       // of all
  std::size_t busy = 0;         // connected, with no room left, and not paused
  std::size_t away = 0;         // not connected, but holding claims whose lease runs
  std::size_t paused = 0;       // connected, but taking no claims, whatever room they have
  std::size_t drained = 0;      // of those paused
  std::size_t held = 0;         // of those paused: in a quarantine that has an end
  std::string pauser;           // the first of the paused: `group/id`
  std::string pause;            // why that one takes none
  std::size_t known = 0;        // whose record has not expired, connected or not
  std::size_t quarantined = 0;  // of those known

  void add(const WorkerState& worker, Instant now);
};

/// Of one queue, or of all if it is empty.
Staffing staffing(const Snapshot& snapshot, const std::string& task_queue_id, Instant now);

/// Of each queue that has workers, with one look at each worker.
std::map<std::string, Staffing> staffing_by_queue(const Snapshot& snapshot, Instant now);

/// Queues that have a worker: one that is there.
std::vector<std::string> staffed_queues(const Snapshot& snapshot, Instant now);

}  // namespace troupe::worker
