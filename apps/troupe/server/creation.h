// createTask from outside: checks a definition, fills it in, asks the task's actor.
#pragma once

#include "apps/troupe/server/call.h"
#include "runtime/scopes/scope_expression.h"
#include "runtime/transcode/json.h"
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
  Bytes command;                         // for the task's actor
  std::vector<FieldError> broken_rules;  // see `check_rules`
};

/// Checks a task of a list as createTask's schema checks a call's body.
/// Errors: `invalid_payload`, with a line for each fault.
Status check_form(schema::NewTask::Reader task);

/// Refuses what over HTTP would be too large a body: a definition of more than 10 MiB as JSON.
/// Errors: `too_large`.
Status check_size(schema::TaskDefinition::Reader definition);

/// Checks what else has to be right before it is asked whether the caller may do this.
/// Errors: `invalid`, with a line for each fault.
Result<CheckedTask> check_task(const Site& site,
                               capnp::Text::Reader task_id,
                               schema::TaskDefinition::Reader definition,
                               bool hold);

/// Checks the rest: what only a caller who may create the task is told of.
/// Errors: `invalid`, with a line for each fault.
Status check_rules(const CheckedTask& task);

/// What createTask's scope expression takes, from a definition.
ScopeParameters creation_scopes(schema::TaskDefinition::Reader definition);

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

/// All that createTask would refuse, with the tasks of the list counting as existing. Of a whole
/// group that takes seconds, which a thread of its own spends on it.
kj::Promise<std::vector<TaskFault>> check_tasks(const Site& site,
                                                schema::Troupe::CheckTasksParams::Reader params);

}  // namespace troupe::server
