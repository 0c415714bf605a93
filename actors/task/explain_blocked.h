// Why a task is not scheduled: what it needs is followed, through tasks that are not scheduled
// themselves, to what the waiting comes from.
#pragma once

#include "actors/task/queries.h"
#include "runtime/base/time.h"
#include "schema/api/troupe.capnp.h"

#include <map>
#include <string>

namespace troupe::task {

/// Everything but the subject. Requires an unscheduled task.
void explain_unscheduled(const Snapshot& snapshot,
                         TaskView& task,
                         Instant now,
                         schema::Explanation::Builder out);

/// Which tasks wait in vain. Keeps the answers: many tasks need the same few.
class Failures {
 public:
  explicit Failures(const Snapshot& snapshot) : snapshot_(snapshot) {}

  /// Whether a failure, however far behind, keeps an unscheduled task from being scheduled.
  bool block(TaskView& task);

 private:
  const Snapshot& snapshot_;
  std::map<std::string, bool> known_;  // has failed, or waits for what has
};

}  // namespace troupe::task
