// What one answer of `explain` looks at: each queue and its workers once, however many tasks it
// tells of.
#pragma once

#include "actors/task_queue/amounts.h"
#include "actors/task_queue/queries.h"
#include "actors/worker/queries.h"
#include "runtime/base/time.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::task {

/// A connected worker that takes tasks by what they ask for.
struct Offer {
  task_queue::Amounts offered;
  task_queue::Amounts used;
};

struct Offers {
  bool unlimited = false;  // somebody takes every task
  std::vector<Offer> limited;
};

/// A task queue and its workers. What not every answer needs is read when it is asked for first.
class QueueSight {
 public:
  QueueSight(const Snapshot& snapshot, const std::string& id, Instant now);

  const std::optional<task_queue::QueueView>& queue() const { return queue_; }
  const worker::Staffing& staff() const { return staff_; }
  /// What its workers have. Requires that there is the queue.
  const Offers& offers();
  /// When the latest runs started, the latest first: as many as tell the queue's pace, or fewer.
  const std::vector<Instant>& starts();

 private:
  const Snapshot& snapshot_;
  const std::string id_;
  const Instant now_;
  const std::optional<task_queue::QueueView> queue_;
  const worker::Staffing staff_;
  std::optional<Offers> offers_;
  std::optional<std::vector<Instant>> starts_;
};

class Sight {
 public:
  Sight(const Snapshot& of, Instant at) : snapshot(of), now(at) {}

  const Snapshot& snapshot;  // borrowed
  const Instant now;

  QueueSight& queue(const std::string& id);
  /// Queues that have a worker which is there.
  const std::vector<std::string>& staffed_queues();
  /// To be asked before a look at one more of the claims that somebody holds: false once so many
  /// were looked at that the answer would be late.
  bool may_look() { return looks_left_ > 0 && looks_left_-- > 0; }

 private:
  std::map<std::string, QueueSight> queues_;
  std::optional<std::vector<std::string>> staffed_;
  std::size_t looks_left_ = 10'000;
};

}  // namespace troupe::task
