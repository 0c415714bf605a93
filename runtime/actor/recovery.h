// What a start finds in the inboxes: messages whose receivers had not handled them when the process
// ended.
#pragma once

#include "runtime/actor/delivery.h"
#include "runtime/store/committer.h"

#include <vector>

namespace troupe {

/// Counts one more attempt for each message in an inbox, on disk, and answers them in their order
/// for delivery. Those that were tried too often become dead letters.
std::vector<Delivery> recover_inboxes(Store& store, Committer& committer, Instant now);

}  // namespace troupe
