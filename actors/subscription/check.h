// What stored subscriptions must hold to.
#pragma once

#include "runtime/actor/check.h"

namespace troupe::subscription {

CheckedKind checked_kind();
void check(const CheckView& view);

}  // namespace troupe::subscription
