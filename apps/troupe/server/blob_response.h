// A blob as the body of an HTTP response.
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/base/hash.h"
#include "runtime/http/message.h"

#include <string>

namespace troupe::server {

/// A blob, and how its sender described it.
struct SentBlob {
  Sha256 sha256{};
  std::string content_type;
  std::string content_encoding;  // empty: none
};

/// The whole or the part that the request asks for; 304 and 416 where that is due. The bytes are
/// read as the peer takes them. Errors: `not_found` the blob is not here.
http::Response blob_response(Site& site, const http::Request& request, const SentBlob& blob);

/// As in `ETag`, with its quotes.
std::string blob_tag(const Sha256& sha256);

}  // namespace troupe::server
