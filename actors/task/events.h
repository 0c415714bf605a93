// The messages that the queue publishes about a task. Source: spec/events.md, sections 2 and 3.
#pragma once

#include "actors/task/state.h"

#include <cstdint>

namespace troupe::task {

/// `status` shows the task before it had any run.
Event task_defined(const TaskState& state);
Event task_pending(const TaskState& state, std::uint32_t run);
Event task_running(const TaskState& state, std::uint32_t run);
/// task-completed, task-failed or task-exception, by the run's state. A run that the deadline ended
/// is published without its worker.
Event task_ended(const TaskState& state, std::uint32_t run);
/// `state` has the new priority already.
Event task_priority_changed(const TaskState& state, schema::Priority old);
/// `storage_type`, `name`, `content_type` and `expires` of the artifact.
Event artifact_created(const TaskState& state, std::uint32_t run, schema::ArtifactRow::Reader row);

}  // namespace troupe::task
