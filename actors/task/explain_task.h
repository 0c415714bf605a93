// What `explain` says of one task; shared by those that explain groups and queues.
#pragma once

#include "actors/task/explain_sight.h"
#include "actors/task/queries.h"
#include "actors/worker/queries.h"
#include "runtime/base/time.h"
#include "schema/api/troupe.capnp.h"

#include <optional>
#include <string>

namespace troupe::task {

/// Fills in the three texts of an explanation.
void say(schema::Explanation::Builder out,
         const char* code,
         const std::string& message,
         const std::string& help);

/// Everything but the subject.
void explain_task(Sight& sight, TaskView& task, schema::Explanation::Builder out);

/// That nobody is there who serves the queue.
void explain_no_worker(Sight& sight, const std::string& queue, schema::Explanation::Builder out);

/// `1 worker paused, g/w: disk: ...`; empty if none is.
std::string paused_text(const worker::Staffing& staff);

/// Whether it waits for its start after its deadline: it will never start.
bool is_overdue(TaskView& task, Instant now);

/// The worker that holds the task's last run, if it is not connected. Requires a running task.
std::optional<worker::WorkerState> find_away_worker(const Snapshot& snapshot, TaskView& task);

}  // namespace troupe::task
