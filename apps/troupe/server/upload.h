// Bytes of a blob on their way in.
#pragma once

#include "apps/troupe/server/call.h"
#include "schema/rpc/stream.capnp.h"

namespace troupe::server {

struct UploadStart {
  std::uint64_t offset = 0;                    // where to go on
  kj::Maybe<schema::ByteStream::Client> sink;  // none: the blob is here already
};

/// Begins or resumes the upload of a blob. It is kept, whole and checked, once the sink's `end` has
/// returned; its errors are those of BlobUpload.
kj::Promise<UploadStart> begin_upload(Site& site, const Sha256& sha256, std::uint64_t size);

}  // namespace troupe::server
