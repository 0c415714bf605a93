// URLs under /blobs/: whoever has one may send or fetch the bytes of one artifact or object for a
// while, without credentials. Everything that they allow is in them and under their signature.
//
//   ROOT/blobs/artifacts/TASKID/RUN/NAME?expires=MS&signature=HEX
//   ROOT/blobs/artifacts/TASKID/RUN/NAME?expires=MS&type=TYPE&length=BYTES&signature=HEX   to PUT
//   ROOT/blobs/objects/NAME?expires=MS&...
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/base/result.h"
#include "runtime/http/message.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::server {

/// What one URL allows.
struct BlobGrant {
  std::string_view verb = "GET";  // or `PUT`; a GET's is good for HEAD
  std::string path;               // what follows `/blobs/`, decoded
  Instant expires;
  std::string content_type = {};             // of a PUT: that has to be sent
  std::optional<std::uint64_t> length = {};  // of a PUT: that has to be sent; absent: any
  std::string upload_id = {};                // of a PUT to an object
};

/// `artifacts/TASKID/RUN/NAME`.
std::string artifact_blob_path(const std::string& task_id,
                               std::uint32_t run,
                               const std::string& name);

std::string blob_url(const Site& site, const BlobGrant& grant);

/// What the request's URL allows, checked. `path` as in the grant.
/// Errors: `forbidden` it was altered, is for another use, or is not good any more.
Result<BlobGrant> read_blob_url(const Site& site, const http::Request& request, std::string path);

}  // namespace troupe::server
