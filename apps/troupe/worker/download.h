// Fetches one artifact of another task through a claim: streamed to disk, hashed on the way, and
// gone on with from the same offset after a lost connection.
#pragma once

#include "apps/troupe/worker/claim_slot.h"
#include "apps/troupe/worker/download_cache.h"
#include "apps/troupe/worker/payload.h"
#include "apps/troupe/worker/workshop.h"
#include "runtime/base/result.h"

#include <kj/async.h>

#include <optional>
#include <string>

namespace troupe::worker {

/// The file, in the cache. Errors: `not_found`, `forbidden`, `expired`... as the server says;
/// `corrupt` the bytes are not those that were announced, or not those of `content.sha256`.
/// Retries by itself what may pass; drop the promise to give up. Borrows `shop` and `slot`.
kj::Promise<Result<DownloadCache::Pin>> download(Workshop& shop,
                                                 ClaimSlot& slot,
                                                 ArtifactContent content);

}  // namespace troupe::worker
