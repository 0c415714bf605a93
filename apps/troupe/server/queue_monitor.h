// What the queue's messages say, for operators: a log line for each, and counters of how tasks end.
// Source: spec/queue.md, section 15. Follows the event log, so it tells of what is on disk, whoever
// caused it.
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/metrics/registry.h"
#include "schema/store/envelope.capnp.h"

#include <kj/async.h>

#include <set>
#include <string>
#include <utility>

namespace troupe::server {

/// Counts how tasks end, by task queue. Queues beyond the first `queues_labelled_max` are counted
/// together, under the label values `(other)`.
class QueueMonitor {
 public:
  /// Borrows `registry`.
  explicit QueueMonitor(metrics::Registry& registry) : registry_(registry) {}

  /// Logs an entry of the event log and counts it. One that is not of the queue is none of its
  /// business.
  void see(schema::EventRow::Reader event);

 private:
  void count(const char* name, metrics::Labels labels);

  metrics::Registry& registry_;
  std::set<std::pair<std::string, std::string>> queues_;  // that have labels of their own
};

/// Shows all that is published from now on to a monitor. Does not end. Borrows both.
kj::Promise<void> monitor_queue(Site& site, metrics::Registry& registry);

}  // namespace troupe::server
