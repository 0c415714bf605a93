// Streams bytes of blobs and logs to a peer, in bounded pieces, without blocking the event loop.
#pragma once

#include "apps/troupe/server/call.h"
#include "schema/rpc/stream.capnp.h"

#include <cstdint>
#include <functional>
#include <string>

namespace troupe::server {

/// Sends a blob from `offset`, then ends the sink. Errors: `not_found` if it is not here.
kj::Promise<void> send_blob(Site& site,
                            const Sha256& sha256,
                            std::uint64_t offset,
                            schema::ByteStream::Client sink);

struct LogEnd {
  std::uint64_t size = 0;  // bytes of the log so far
  bool finished = false;   // the run has ended: no more will follow
};

/// Sends a run's log from `offset`; with `follow` until the run has ended. A log that does not
/// exist yet is waited for. `check` throws once the caller may not have it any more: it is asked
/// before each piece. Ends the sink.
kj::Promise<LogEnd> send_log(Site& site,
                             std::string task_id,
                             std::uint32_t run,
                             std::uint64_t offset,
                             bool follow,
                             schema::ByteStream::Client sink,
                             std::function<void()> check);

}  // namespace troupe::server
