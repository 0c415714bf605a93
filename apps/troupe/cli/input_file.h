// Definitions that people hand in.
#pragma once

#include "runtime/base/result.h"

#include <string>

namespace troupe::cli {

/// The contents of `path`, of standard input for `-`; at most 64 MiB.
/// Errors: `invalid` it cannot be read; `too_large`.
Result<std::string> read_input(const std::string& path);

}  // namespace troupe::cli
