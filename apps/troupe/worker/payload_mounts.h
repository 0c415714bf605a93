// The `mounts` of a payload; see payload.h.
#pragma once

#include "apps/troupe/worker/json_fields.h"
#include "apps/troupe/worker/payload.h"

#include <rapidjson/document.h>

#include <vector>

namespace troupe::worker {

/// Reads the array at `path`; what is wrong goes to `errors`.
std::vector<Mount> read_mounts(const rapidjson::Value& array,
                               const std::string& path,
                               const TaskFacts& task,
                               JsonErrors& errors);

}  // namespace troupe::worker
