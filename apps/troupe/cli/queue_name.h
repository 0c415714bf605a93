// Names of task queues, as people give them.
#pragma once

#include "runtime/base/result.h"

#include <string>

namespace troupe::cli {

/// Fails with `invalid` if `name` can be no task queue's. `flag`: whose value it is, none for an
/// argument.
Status check_queue_name(const std::string& name, const std::string& flag = {});

}  // namespace troupe::cli
