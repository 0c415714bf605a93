// What stored clients must hold to.
#pragma once

#include "runtime/actor/check.h"

namespace troupe::auth {

CheckedKind checked_kind();

/// Every row of every client decodes.
void check(const CheckView& view);

}  // namespace troupe::auth
