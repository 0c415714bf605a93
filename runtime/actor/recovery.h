// What a start finds in the inboxes: messages whose receivers had not handled them when the process
// ended.
#pragma once

#include "runtime/actor/delivery.h"
#include "runtime/store/store.h"

#include <vector>

namespace troupe {

/// The messages in a shard's inboxes, in their order, for delivery. Writes nothing: a start after
/// many crashes is a start like any other.
std::vector<Delivery> recover_inboxes(Store& store);

}  // namespace troupe
