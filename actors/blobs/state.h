// A collector's own table, and its rows as values.
#pragma once

#include "actors/blobs/messages.h"
#include "actors/kinds.h"
#include "schema/store/blobs.capnp.h"

namespace troupe {

namespace blobs {

User read_user(schema::BlobUser::Reader user);

}  // namespace blobs
}  // namespace troupe
