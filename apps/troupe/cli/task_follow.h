// The log of a whole task as it grows: run after run, until it is resolved.
#pragma once

#include "apps/troupe/cli/task_log.h"
#include "schema/api/queue_types.capnp.h"

#include <optional>
#include <string>

namespace troupe::cli {

/// Follows from the task's latest run on, or `only_run` alone; says on standard error why nothing
/// runs while nothing does. Returns the state that the task, or the run, ended in.
schema::TaskState follow_log(Reconnector& server,
                             const std::string& task_id,
                             std::optional<std::uint32_t> only_run,
                             LogOutput& output);

}  // namespace troupe::cli
