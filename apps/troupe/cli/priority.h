// Priorities on the command line.
#pragma once

#include "runtime/base/result.h"
#include "schema/api/queue_types.capnp.h"

#include <string>

namespace troupe::cli {

/// What PRIORITY may be, for usage texts.
inline constexpr const char* priority_names = "highest|very-high|high|medium|low|very-low|lowest";

/// Errors: `invalid` names those that there are.
Result<schema::Priority> read_priority(const std::string& name);

}  // namespace troupe::cli
