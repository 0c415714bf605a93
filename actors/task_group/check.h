// What stored task groups must hold to: G1 of state.h, and their members.
#pragma once

#include "runtime/actor/check.h"

namespace troupe::task_group {

CheckedKind checked_kind();

/// Members against tasks, and how many there are.
void check(const CheckView& view);

}  // namespace troupe::task_group
