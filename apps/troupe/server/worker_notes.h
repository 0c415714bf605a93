// What the queue keeps of workers that ask over HTTP: that they and their queues are alive. Source:
// spec/queue.md, 10.1.
#pragma once

#include "apps/troupe/server/call.h"

#include <string>

namespace troupe::server {

struct WorkerKey {
  std::string task_queue_id;
  std::string worker_group;
  std::string worker_id;

  /// Of its actor.
  std::string text() const { return task_queue_id + "/" + worker_group + "/" + worker_id; }
};

void fill_name(const WorkerKey& worker, schema::WorkerName::Builder out);

/// How long a queue's record is kept after its workers have claimed, and after a claimTask.
inline constexpr Duration claim_work_keeps{24LL * 60 * 60 * 1'000};
inline constexpr Duration claim_task_keeps{5LL * 24 * 60 * 60 * 1'000};

/// Keeps the records of the worker and of its queue for a day. What was said within half an hour is
/// not said again. Never rejected: what cannot be written down now is said the next time.
kj::Promise<void> note_worker(Site& site, const WorkerKey& worker);

/// The same of the queue's record alone. Nor is it said again that the queue is kept longer.
kj::Promise<void> note_queue(Site& site, const std::string& task_queue_id, Duration kept);

}  // namespace troupe::server
