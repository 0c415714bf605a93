// Small files that tell how to reach a platform.
#pragma once

#include "runtime/base/result.h"

#include <string>

namespace troupe::client {

/// The whole file, at most 1 MiB.
/// Errors: `not_found` there is none; `forbidden` we may not read it; `invalid` it is too large.
Result<std::string> read_text_file(const std::string& path);

}  // namespace troupe::client
