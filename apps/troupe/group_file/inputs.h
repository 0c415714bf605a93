// Names of tasks become ids to come: `needs` to dependencies, `inputs` to mounts and scopes.
#pragma once

#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/group_file/task_reader.h"

#include <vector>

namespace troupe::group_file {

/// Fills in dependencies, mounts and scopes of every draft, and `plan.needs`. With `upload`,
/// drafts[0] is the task that holds the files: all others need and mount it.
void link_tasks(std::vector<DraftTask>& drafts, bool upload, Problems& problems);

}  // namespace troupe::group_file
