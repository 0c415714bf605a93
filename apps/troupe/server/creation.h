// createTask from outside: checks a definition, fills it in, asks the task's actor.
#pragma once

#include "apps/troupe/server/call.h"
#include "schema/api/troupe.capnp.h"

#include <vector>

namespace troupe::server {

/// A definition that has passed all checks that need no other actor.
struct CheckedTask {
  std::string task_id;
  std::string task_group_id;
  std::string scheduler_id;
  Instant deadline;
  Instant expires;
  std::vector<std::string> dependencies;
  Bytes command;  // for the task's actor
};

/// Errors: `invalid`, with a line for each fault.
Result<CheckedTask> check_task(const Site& site,
                               capnp::Text::Reader task_id,
                               schema::TaskDefinition::Reader definition,
                               bool hold);

/// Creates one task; answers a TaskStatus.
kj::Promise<Bytes> create_task(Site& site, CheckedTask task);

/// Creates tasks in the order that their dependencies on each other demand, as many at once as that
/// allows; answers a TaskStatus each, in the order given. The first error ends it.
kj::Promise<std::vector<Bytes>> create_tasks(Site& site, std::vector<CheckedTask> tasks);

/// One thing that createTask would refuse.
struct TaskFault {
  unsigned task = 0;  // its place in the list
  Errc code = Errc::invalid;
  std::string field;  // path in the definition; empty: the whole
  std::string message;
};

/// All that createTask would refuse, with the tasks of the list counting as existing.
std::vector<TaskFault> check_tasks(const Site& site, capnp::List<schema::NewTask>::Reader tasks);

}  // namespace troupe::server
