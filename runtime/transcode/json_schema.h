// JSON schemas (draft 06) of what the rules allow, for those who want to know before they send.
#pragma once

#include "runtime/base/json_writer.h"
#include "runtime/transcode/rules.h"

#include <string_view>

namespace troupe::transcode {

/// Writes the keywords that describe a value, into an object that the caller has begun. A struct
/// with a schema of its own is described by it again, not referred to.
void write_schema_keywords(JsonWriter& json, const ValueRules& rules);

}  // namespace troupe::transcode
