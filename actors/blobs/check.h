// Whether those who use blobs and the blobs' collectors agree.
#pragma once

#include "actors/blobs/messages.h"
#include "runtime/actor/check.h"

namespace troupe::blobs {

CheckedKind checked_kind();
void check(const CheckView& view);

/// Whether the blob's collector knows of its user, or will.
bool is_known(const CheckView& view, const User& user);

}  // namespace troupe::blobs
