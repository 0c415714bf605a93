// The snapshots of several shards, read as one.
#pragma once

#include "runtime/store/store.h"

#include <memory>
#include <vector>

namespace troupe {

/// Rows of all shards in the order of their keys. Requires more than one shard, in order.
std::unique_ptr<Snapshot> make_sharded_snapshot(std::vector<std::unique_ptr<Snapshot>> shards);

}  // namespace troupe
