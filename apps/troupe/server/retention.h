// Keeps the event log within its age and size.
#pragma once

#include "apps/troupe/server/site.h"

#include <cstdint>

namespace troupe::server {

struct Retention {
  Duration age{0};              // 0: any
  std::uint64_t bytes_max = 0;  // 0: any
};

/// Deletes old entries, slice by slice, every minute; never resolves. Borrows `site`.
kj::Promise<void> keep_events_bounded(Site& site, Retention retention);

}  // namespace troupe::server
