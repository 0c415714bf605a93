// What `explain` says of a task group: its members by reason, with an example of each.
#pragma once

#include "actors/task_group/queries.h"
#include "runtime/base/time.h"
#include "schema/api/troupe.capnp.h"

namespace troupe::task {

/// Everything but the subject. Looks at the first 10,000 members; the cost is one short look at
/// each of them, and one whole explanation for each reason.
void explain_group(const Snapshot& snapshot,
                   const task_group::GroupView& group,
                   Instant now,
                   schema::Explanation::Builder out);

}  // namespace troupe::task
