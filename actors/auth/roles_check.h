// What stored roles must hold to: R1 to R5.
#pragma once

#include "runtime/actor/check.h"

namespace troupe::auth {

CheckedKind checked_roles();
void check_roles(const CheckView& view);

}  // namespace troupe::auth
