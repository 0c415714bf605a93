// Tasks to the server: checked all at once, made in slices, released together.
#pragma once

#include "apps/troupe/cli/reconnect.h"
#include "apps/troupe/group_file/group_file.h"
#include "runtime/base/result.h"

#include <kj/async.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::cli {

using Tasks = std::vector<group_file::ExpandedTask>;

/// The tasks as the body of `createTasks`: `{"tasks":[{"taskId":...,"task":{...}},...]}`.
std::string tasks_json(const Tasks& tasks);

/// Where a field of the n-th task's definition was written.
using Locate = std::function<group_file::Position(std::size_t task, std::string_view field)>;

/// Connects. False if nobody answers and the file has problems of its own: those are all there is
/// to say. Without such the kj::Exception is thrown.
bool reach(Reconnector& server, const group_file::Problems& problems);

/// createTask's checks on all; nothing is created. Adds to `problems` all that was not told of the
/// same place already.
void check_tasks(Reconnector& server,
                 const Tasks& tasks,
                 const Locate& locate,
                 group_file::Problems& problems);

/// Creates all, held back, in slices; then lets them go, and seals the group if `seal`. Repeats
/// over lost connections with the same ids. A refusal is thrown as a kj::Exception that says what
/// has been created.
kj::Promise<void> create_tasks(Reconnector& server,
                               const Tasks& tasks,
                               const std::string& group_id,
                               bool seal);

/// Creates one task; what comes back is its status.
kj::Promise<capnp::Response<schema::TaskStatusResponse>> create_task(
    Reconnector& server, const group_file::ExpandedTask& task);

}  // namespace troupe::cli
