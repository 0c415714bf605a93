// Why a pending task has not started: nobody serves its queue, all are busy, a limit holds it back,
// or nobody has what it asks for.
#pragma once

#include "actors/task/explain_sight.h"
#include "actors/task/queries.h"
#include "schema/api/troupe.capnp.h"

namespace troupe::task {

/// Everything but the subject. Requires a pending task.
void explain_pending(Sight& sight, TaskView& task, schema::Explanation::Builder out);

}  // namespace troupe::task
