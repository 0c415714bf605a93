// Which fields of a message are there.
#pragma once

#include "runtime/transcode/rules.h"

#include <capnp/dynamic.h>

namespace troupe::transcode {

/// Whether the field is the one of an unnamed union that is set; `active` is `which()`.
bool is_active(const kj::Maybe<capnp::StructSchema::Field>& active,
               const capnp::StructSchema::Field& field);

/// Whether an `optional` field counts as left out: an empty list or data, a text or number that is
/// its default, a struct of nothing else.
bool holds_default(const FieldRules& field, capnp::DynamicStruct::Reader value);

}  // namespace troupe::transcode
