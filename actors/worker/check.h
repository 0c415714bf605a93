// What stored workers must hold to: W1 of state.h, and their claims.
#pragma once

#include "runtime/actor/check.h"

namespace troupe::worker {

CheckedKind checked_kind();

/// Claims against running runs with the same token; leases.
void check(const CheckView& view);

}  // namespace troupe::worker
