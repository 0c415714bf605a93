// Text to a tree: YAML, of which JSON is a part.
#pragma once

#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/group_file/value.h"

#include <optional>
#include <string_view>

namespace troupe::group_file {

/// Reads one document. What is not UTF-8 text, duplicate keys, `<<`, keys that are not scalars,
/// foreign tags and several documents are problems (yaml-cpp itself lets the first two pass).
/// Nothing if it is not YAML.
std::optional<Value> read_document(std::string_view text, Problems& problems);

}  // namespace troupe::group_file
