// The kind `task`: one durable actor for each task, keyed by its id.
#pragma once

#include "actors/task/state.h"
#include "runtime/actor/durable_actor.h"

namespace troupe::task {

Kind kind(const TaskConfig& config);

}  // namespace troupe::task
