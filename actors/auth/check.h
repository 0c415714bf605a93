// What stored clients, roles and audit logs must hold to: C1, C3, R1 to R5, A1 and A2.
#pragma once

#include "runtime/actor/check.h"

#include <vector>

namespace troupe::auth {

std::vector<CheckedKind> checked_kinds();

/// Rows and timers of every client, the set of all roles, and each audit entry against its twin in
/// the other log.
void check(const CheckView& view);

}  // namespace troupe::auth
