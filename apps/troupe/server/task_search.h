// Search over tasks, the newest first: a call looks at a limited number of them and says where the
// next one goes on.
#pragma once

#include "actors/task/queries.h"
#include "runtime/base/time.h"
#include "schema/api/troupe.capnp.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::server {

/// What a task has to be like; what is empty matches every task.
struct TaskFilter {
  std::optional<schema::TaskState> state;
  std::optional<schema::Priority> priority;
  std::string task_queue_id;
  std::string project_id;
  std::string task_group_id;
  std::string name;    // a part of metadata.name; this and the next two in lower case
  std::string owner;   // a part of metadata.owner
  std::string source;  // a part of metadata.source
  std::string tag_key;
  std::optional<std::string> tag_value;  // nothing: any
  std::optional<Instant> created_after;
  std::optional<Instant> created_before;
};

/// Errors: `invalid` names the parameter.
Result<TaskFilter> read_filter(schema::Troupe::ListTasksParams::Reader params);

struct FoundTasks {
  std::vector<task::TaskView> tasks;  // live as long as the snapshot
  std::uint64_t next = 0;             // go on before this task's number; 0: that is all
};

/// Tasks that match, older than `before` (a task's number; 0: all), at most `limit`. Looks at no
/// more than `tasks_looked_at_max`, so `next` may be there although few, or none, were found.
FoundTasks search_tasks(const Snapshot& snapshot,
                        const TaskFilter& filter,
                        std::size_t limit,
                        std::uint64_t before);

/// So many take some milliseconds, in which the caller's thread does nothing else.
constexpr std::size_t tasks_looked_at_max = 2'000;

}  // namespace troupe::server
