// Keeps the event log within its age and size.
#pragma once

#include "apps/troupe/server/site.h"

#include <cstdint>
#include <string>

namespace troupe::server {

struct Retention {
  Duration age{0};              // 0: any
  std::uint64_t bytes_max = 0;  // 0: any
  std::string reader = {};      // a subscription for which what it is not done with is kept longer:
  std::uint64_t backlog_bytes_max = 0;  // up to this size of the log, if that is more; 0: any
};

/// Deletes old entries, slice by slice, at once and every minute; never resolves. Borrows `site`.
/// What the reader loses it is told when it reads on.
kj::Promise<void> keep_events_bounded(Site& site, Retention retention);

}  // namespace troupe::server
