// What a start finds in the inboxes: messages whose receivers had not handled them when the process
// ended.
#pragma once

#include "runtime/actor/delivery.h"
#include "runtime/store/committer.h"

#include <vector>

namespace troupe {

/// Counts one more crash for each message in an inbox, on disk, and answers them in their order for
/// delivery. Those that were under way at two become dead letters: nobody starts them a third time.
std::vector<Delivery> recover_inboxes(Store& store, Committer& committer, Instant now);

}  // namespace troupe
