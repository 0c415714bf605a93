// Removes the files of blobs that nothing names any more.
#pragma once

#include "apps/troupe/server/site.h"

namespace troupe::server {

/// Never resolves. First what an earlier program has stored is made known to the collectors
/// (blob_adoption.h), then what they offer is removed, unless it was touched less than
/// `garbage_delay` ago or a backup runs. Once a day it looks for blobs that no collector knows: a
/// crash or a refusal came between their bytes and their row.
kj::Promise<void> remove_unused_blobs(Site& site, Duration garbage_delay);

}  // namespace troupe::server
