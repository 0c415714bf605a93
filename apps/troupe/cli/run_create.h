// Tasks to the server: checked all at once, made in slices, released together.
#pragma once

#include "apps/troupe/cli/reconnect.h"
#include "apps/troupe/group_file/group_file.h"
#include "runtime/base/result.h"

#include <kj/async.h>

#include <string>
#include <vector>

namespace troupe::cli {

using Tasks = std::vector<group_file::ExpandedTask>;

/// The tasks as the body of `createTasks`: `{"tasks":[{"taskId":...,"task":{...}},...]}`.
std::string tasks_json(const Tasks& tasks);

/// createTask's checks on all; nothing is created. Fails with `invalid`: every error, one
/// `file:line:column: task NAME: message` a line.
Status check_tasks(Reconnector& server, const Tasks& tasks);

/// Creates all, held back, in slices; then lets them go, and seals the group if `seal`. Repeats
/// over lost connections with the same ids. A refusal is thrown as a kj::Exception.
kj::Promise<void> create_tasks(Reconnector& server,
                               const Tasks& tasks,
                               const std::string& group_id,
                               bool seal);

/// Creates one task; what comes back is its status.
kj::Promise<capnp::Response<schema::Queue::CreateTaskResults>> create_task(
    Reconnector& server, const group_file::ExpandedTask& task);

}  // namespace troupe::cli
