// Who uses which blob is known to collectors (actors/blobs). Data of an earlier program does not
// say so, nor has it timers for its end: both are added, once.
#pragma once

#include "actors/lookup.h"
#include "apps/troupe/server/site.h"

#include <string>

namespace troupe::server {

/// Resolves when each artifact and object that names a blob is known to the blob's collector.
/// Cost: reads all tasks and artifacts once, some at a time.
kj::Promise<void> adopt_blobs(Site& site);

/// Whether a row of a blob's collector has a key that begins with `key`, itself 32 bytes or more
/// that begin with the blob's name.
bool collector_has(const Snapshot& snapshot, const TableSpec& table, const std::string& key);

}  // namespace troupe::server
