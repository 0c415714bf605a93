// Where an artifact's bytes are, and how they reach a peer over RPC.
#pragma once

#include "actors/task/queries.h"
#include "apps/troupe/server/site.h"
#include "runtime/base/hash.h"
#include "schema/rpc/stream.capnp.h"

#include <kj/async.h>

#include <cstdint>

namespace troupe::server {

/// The blob that has an artifact's bytes. Throws `not_found` where there is none, saying why.
Sha256 blob_of(const task::ArtifactInfo& artifact);

/// Sends the bytes from `offset`, then ends the sink; resolves with the name and size of the whole.
/// A coding that they were uploaded in is undone. Errors: as of `blob_of`.
kj::Promise<BlobName> send_artifact(Site& site,
                                    const task::ArtifactInfo& artifact,
                                    std::uint64_t offset,
                                    schema::ByteStream::Client sink);

}  // namespace troupe::server
