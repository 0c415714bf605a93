// What stored queues must hold to: Q2 of state.h, and their entries.
#pragma once

#include "runtime/actor/check.h"

namespace troupe::task_queue {

CheckedKind checked_kind();

/// Entries against pending runs, and how many there are.
void check(const CheckView& view);

}  // namespace troupe::task_queue
