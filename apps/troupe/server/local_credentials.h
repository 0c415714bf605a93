// The worker tokens of local workers: made by the server that is already running, kept in each
// worker's folder.
#pragma once

#include "apps/troupe/client/client.h"

#include <kj/async-io.h>
#include <kj/async.h>

#include <string>
#include <vector>

namespace troupe::server {

class LocalCredentials {
 public:
  /// `root` may make tokens for `pool`. The workers are sent to `socket`. `io` is borrowed.
  LocalCredentials(kj::AsyncIoProvider& io,
                   client::Target root,
                   std::string pool,
                   std::string socket);

  /// Leaves a `credentials.json` in `worker_dir` that the server accepts: the one that is there, or
  /// a new one. Rejects if the server cannot be asked or the file cannot be written.
  kj::Promise<void> ensure(const std::string& worker_dir);

 private:
  kj::Promise<void> create(const std::string& path);

  // Constant after construction.
  kj::AsyncIoProvider& io_;
  const client::Target root_;
  const std::string pool_;
  const std::string socket_;
};

}  // namespace troupe::server
