// Whether a stopped data directory holds together: rows, blobs, logs.
#pragma once

#include "apps/troupe/server/store_paths.h"
#include "runtime/actor/check.h"
#include "runtime/base/time.h"

#include <cstdint>
#include <string>

namespace troupe::server {

enum class BlobCheck : std::uint8_t {
  none,   // they are elsewhere
  size,   // there, and as large as the row says
  bytes,  // and their hash is right: reads all of them
};

/// Looks at everything. Errors: what keeps it from looking.
Status check_data(const OpenShards& shards,
                  const std::string& data_dir,
                  BlobCheck blobs,
                  Instant now,
                  Findings& findings);

}  // namespace troupe::server
