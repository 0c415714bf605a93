// Definitions that people hand in.
#pragma once

#include "runtime/base/result.h"

#include <string>
#include <string_view>

namespace troupe::cli {

/// What stands for standard input where a file is named.
inline constexpr std::string_view standard_input = "-";

/// How messages call it: `standard input`, or the path itself.
std::string input_name(const std::string& path);

/// The contents of `path`, a regular file, or of standard input, whatever that is; at most 64 MiB.
/// Errors: `invalid` it cannot be read, or is no regular file; `too_large`.
Result<std::string> read_input(const std::string& path);

}  // namespace troupe::cli
