// What stored tasks must hold to: T1 to T5 of state.h, and what they share with others.
#pragma once

#include "actors/check.h"

namespace troupe::task {

CheckedKind checked_kind();

/// Edges against needs both ways, runs against queues, workers and groups, timers, artifacts.
void check(const CheckView& view, const BlobVisitor& visit_blob);

}  // namespace troupe::task
