// What artifacts a task has.
#pragma once

#include "apps/troupe/cli/session.h"
#include "runtime/base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

struct ArtifactEntry {
  std::string name;
  std::string storage_type;  // `s3`, `link`, `reference` or `error`
  std::string content_type;
  std::int64_t size = -1;  // bytes; -1 unknown
  Instant expires;
  std::string json;  // the API's own form
};

/// All artifacts of a run, or of the latest one.
std::vector<ArtifactEntry> list_artifacts(Session& session,
                                          const std::string& task_id,
                                          std::optional<std::uint32_t> run);

}  // namespace troupe::cli
