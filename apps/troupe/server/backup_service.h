// The method `backup` of the service `troupe`.
#pragma once

#include "apps/troupe/server/backup.h"
#include "apps/troupe/server/site.h"
#include "schema/api/troupe.capnp.h"

#include <kj/async.h>

#include <functional>
#include <string>

namespace troupe::server {

using BackupCall = capnp::CallContext<schema::Troupe::BackupParams, schema::Troupe::BackupResults>;

/// Says whether a shard of the host, which is borrowed, is 80% full, or would be once what a
/// snapshot from now on keeps from reuse is counted.
std::function<bool()> watch_room(Host& host);

void fill_counts(const BackupTotals& totals, schema::BackupCounts::Builder out);

/// Makes the backup on a thread of the disk pool, and tells the observer how far it is. One at a
/// time; it stops if the promise is dropped.
kj::Promise<void> serve_backup(Site& site, const std::string& caller, BackupCall context);

}  // namespace troupe::server
