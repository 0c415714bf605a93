// What stored audit logs must hold to: A1 and A2.
#pragma once

#include "runtime/actor/check.h"

namespace troupe::auth {

CheckedKind checked_audit();
void check_audit(const CheckView& view);

}  // namespace troupe::auth
