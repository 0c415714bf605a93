// Claims of a life that is over: what a restored store does with runs that were under way.
#pragma once

#include "runtime/actor/shard_place.h"
#include "runtime/store/store.h"

#include <cstdint>
#include <vector>

namespace troupe {

/// A message for each running task, as its worker's actor would send it once the lease is over: the
/// run ends as `worker-shutdown` and is retried, and nobody holds its old token any more. They are
/// rows of the inbox of the shard at `place`, numbered by its counts (runtime/store/numbers.h) from
/// `first_count` on, which must be fresh.
std::vector<RowOp> void_claims(const Snapshot& snapshot,
                               ShardPlace place,
                               std::uint64_t first_count);

}  // namespace troupe
