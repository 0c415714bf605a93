// Which tasks of a group run once more, and when: each after what it needs. No clock, no I/O.
//
// A task that is rerun is pending at once, whatever it needs. So one that needs others which are
// rerun as well waits here until those have ended again.
#pragma once

#include "apps/troupe/cli/watch_state.h"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace troupe::cli {

class RerunPlan {
 public:
  /// A task that is not rerun, as `need` has not ended as it wants it to.
  struct Dropped {
    std::string task;
    std::string need;
  };

  struct Step {
    std::vector<std::string> ready;  // ids: all that they need is there
    std::vector<Dropped> dropped;
  };

  /// Of the group as it is now: what is resolved or, if `only_failed`, what of that did not
  /// complete. Never what holds uploaded files: they are there, and no worker would run it.
  RerunPlan(const WatchedGroup& group, bool only_failed);

  /// What may be rerun now, in the order of needs, and what will not be; neither waits any longer.
  /// Before the next call `group` has to know that what was ready is pending again, and `refuse`
  /// what could not be rerun.
  Step next(const WatchedGroup& group);

  /// What needs this task is not rerun either.
  void refuse(const std::string& task_id) { lost_.insert(task_id); }

  std::size_t waiting() const { return waiting_.size(); }

 private:
  std::vector<std::string> order_;  // of all members: each after what it needs
  std::set<std::string> waiting_;   // not rerun yet
  std::set<std::string> lost_;      // not rerun at all
};

}  // namespace troupe::cli
