// Why a task is not scheduled: what it needs is followed, through tasks that are not scheduled
// themselves, to what the waiting comes from.
#pragma once

#include "actors/task/explain_sight.h"
#include "actors/task/queries.h"
#include "schema/api/troupe.capnp.h"

#include <cstddef>
#include <map>
#include <string>

namespace troupe::task {

/// Everything but the subject. Requires an unscheduled task.
void explain_unscheduled(Sight& sight, TaskView& task, schema::Explanation::Builder out);

/// Which tasks wait in vain. Keeps the answers: many tasks need the same few.
class Failures {
 public:
  explicit Failures(const Snapshot& snapshot) : snapshot_(snapshot) {}

  /// Whether a failure, however far behind, keeps an unscheduled task from being scheduled. Once
  /// very many needs were looked at, only what is known by then counts.
  bool block(TaskView& task);

 private:
  struct Walk;
  bool step(TaskView& task, Walk& walk);

  const Snapshot& snapshot_;
  std::map<std::string, bool> known_;  // has failed, or waits for what has
  std::size_t needs_left_ = 50'000;    // to be looked at
};

}  // namespace troupe::task
