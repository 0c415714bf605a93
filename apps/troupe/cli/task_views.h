// Tasks and runs as people see them.
#pragma once

#include "apps/troupe/cli/table.h"
#include "runtime/base/time.h"
#include "schema/api/queue_types.capnp.h"

#include <string>

namespace troupe::cli {

/// The state in its colour.
Cell state_cell(schema::TaskState state);

bool is_resolved(schema::TaskState state);

/// Whether somebody's wish ended the task's last run.
bool is_cancelled(schema::TaskStatus::Reader status);

/// What a task in this state means for an exit status; `exit_done` while it is not resolved.
int exit_status_of(schema::TaskState state);

/// When the task was resolved or, before that, created.
Instant changed(schema::TaskStatus::Reader status, schema::TaskDefinition::Reader task);

/// The status, then a table of the runs.
std::string render_status(schema::TaskStatus::Reader status, Instant now, const Layout& layout);

/// The definition, one field a line, then the payload as it is.
std::string render_definition(schema::TaskDefinition::Reader task, Instant now);

}  // namespace troupe::cli
