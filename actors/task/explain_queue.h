// What `explain` says of a task queue: what waits in it by reason, with an example of each, and its
// workers.
#pragma once

#include "actors/lookup.h"
#include "runtime/base/time.h"
#include "schema/api/troupe.capnp.h"

#include <cstddef>
#include <string>

namespace troupe::task {

/// Of those that wait with a limit or demands, and of the others: more are not looked at.
inline constexpr std::size_t waiting_looked_at_max = 10'000;

/// Everything but the subject. The cost is one short look at each entry that is looked at, one
/// whole explanation for each reason, and a look at each worker: however many wait.
void explain_queue(const Snapshot& snapshot,
                   const std::string& task_queue_id,
                   Instant now,
                   schema::Explanation::Builder out,
                   std::size_t looked_at_max = waiting_looked_at_max);

}  // namespace troupe::task
