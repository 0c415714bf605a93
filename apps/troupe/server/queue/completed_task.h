// What createTask writes into the definition that it is given, for the errors that repeat it.
// Source: spec/queue.md, section 2.1.
#pragma once

#include "actors/task/state.h"
#include "runtime/api/error_body.h"

namespace troupe::server {

/// Completes definitions as createTask does before it fails; bodies of other methods stay as they
/// are.
api::CompleteBody complete_task(const task::TaskConfig& config);

}  // namespace troupe::server
