// What is known of a group that is watched: a snapshot, kept true by events. No clock, no I/O.
#pragma once

#include "runtime/base/time.h"
#include "schema/api/queue_types.capnp.h"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

struct WatchedTask {
  std::string id;
  std::string name;
  std::string queue;
  schema::TaskState state = schema::TaskState::UNSCHEDULED;
  schema::ReasonResolved reason = schema::ReasonResolved::NONE;
  std::size_t runs = 0;
  Instant started;   // of the last run; none before
  Instant resolved;  // of the last run; none before
  std::vector<std::string> dependencies;
  bool requires_completed = true;  // of its dependencies; else only that they ended
  bool blocked_outside = false;    // by a failure outside of the group, as the server says
  std::string worker;              // `group/id` of the last run's; empty before
  std::string note;                // the last line it printed
  std::string why;                 // why it does not run, or not well, as the server says
  bool own_reason = false;         // `why` is true of this task alone, not of its queue
  std::string status_json;         // as the API writes it
};

class WatchedGroup {
 public:
  /// Adds a member, or brings it up to date. Returns it if it is new or its state has changed.
  WatchedTask* add(const std::string& task_id,
                   schema::TaskDefinition::Reader definition,
                   schema::TaskStatus::Reader status);

  /// Takes a status that may be older than what is known: then nothing changes. Returns the task if
  /// its state (or run) has changed. Requires contains(task_id).
  WatchedTask* update(schema::TaskStatus::Reader status);

  bool contains(const std::string& task_id) const { return by_id_.count(task_id) > 0; }
  WatchedTask* find(const std::string& task_id);
  const WatchedTask* find(const std::string& task_id) const;

  /// What a task needs comes before it, otherwise by name.
  std::vector<const WatchedTask*> in_order() const;

  std::vector<WatchedTask>& tasks() { return tasks_; }
  const std::vector<WatchedTask>& tasks() const { return tasks_; }
  std::size_t count(schema::TaskState state) const;
  std::size_t resolved_count() const;

  /// Unscheduled tasks that a failure keeps from ever running, unless that is rerun.
  std::vector<const WatchedTask*> blocked() const;

  /// Whether it needs a task that is not of the group.
  bool depends_outside(const WatchedTask& task) const;

  /// Nothing can run any more: all are resolved, or the rest is blocked.
  bool finished() const;

  /// 0 all completed; 1 some failed, or are blocked; 4 some ended as exception, none failed.
  int exit_status() const;

 private:
  std::vector<WatchedTask> tasks_;
  std::map<std::string, std::size_t, std::less<>> by_id_;
};

}  // namespace troupe::cli
