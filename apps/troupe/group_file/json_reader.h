// JSON to the same tree as YAML. yaml-cpp reads most of JSON, but neither surrogate pairs (which
// every program that writes ASCII makes of an emoji) nor large files in good time.
#pragma once

#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/group_file/value.h"

#include <optional>
#include <string_view>

namespace troupe::group_file {

/// Reads a JSON object; duplicate keys are problems. Nothing if it is nested too deeply, which is a
/// problem, or is not JSON, which is none: it may be YAML.
std::optional<Value> read_json(std::string_view text, Problems& problems);

/// More than this is no definition, and would exhaust the stack of whoever walks it.
inline constexpr std::size_t nesting_max = 100;

}  // namespace troupe::group_file
