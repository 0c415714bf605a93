// Why something is not running, or not well, and what would help: answered from a snapshot.
#pragma once

#include "runtime/base/result.h"
#include "runtime/base/time.h"
#include "runtime/store/store.h"
#include "schema/api/troupe.capnp.h"

#include <string>

namespace troupe::task {

/// Explains a task id, a group id, a queue (`prov/type`) or a worker (`prov/type/group/id`).
/// Errors: `not_found`, saying what was looked for.
Status explain(const Snapshot& snapshot,
               const std::string& subject,
               Instant now,
               schema::Explanation::Builder out);

}  // namespace troupe::task
