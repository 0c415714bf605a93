// A request's body on its way into the blob store.
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/http/streaming.h"

#include <cstdint>
#include <optional>

namespace troupe::server {

/// Takes a body to its end; resolves once it is a blob on disk. What arrives is hashed and written
/// piece by piece, while the next one waits. A body that fails, or whose request ends, leaves
/// nothing.
///
/// Errors: `busy` the disk has no more than its reserve, or cannot take it; `invalid` the body has
/// not `length` bytes.
kj::Promise<BlobName> take_in(Site& site,
                              http::BodyReader& body,
                              std::optional<std::uint64_t> length);

}  // namespace troupe::server
