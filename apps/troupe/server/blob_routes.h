// Bytes of artifacts over plain HTTP, under the URLs of blob_url.h.
//
//   PUT  one body, kept whole or not at all: 200 once bytes and row are on disk
//   GET  with single ranges and entity tags; goes on when the blob is removed meanwhile
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/http/router.h"

namespace troupe::server {

/// Borrows `site`, on one thread.
void add_blob_routes(http::RouteTable& routes, Site& site);

}  // namespace troupe::server
