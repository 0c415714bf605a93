// What stored objects must hold to: O1 and O2 of object_actor.h.
#pragma once

#include "actors/check.h"

namespace troupe::object {

CheckedKind checked_kind();
void check(const CheckView& view, const BlobVisitor& visit_blob);

}  // namespace troupe::object
