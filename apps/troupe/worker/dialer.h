// Makes the worker's connections: reads the credentials, tries the addresses in turn.
#pragma once

#include "apps/troupe/client/client.h"
#include "apps/troupe/worker/worker.h"
#include "runtime/base/result.h"

#include <kj/async-io.h>

#include <memory>

namespace troupe::worker {

class Dialer {
 public:
  /// Borrows both. Without `options.root_url` of its own, it is what the credentials say.
  Dialer(kj::AsyncIoProvider& io, WorkerOptions& options);

  /// What is to be dialled now: one target for each address. The credentials file is read again,
  /// for addresses may have changed since. Fails if the file cannot be read or names nothing.
  Result<std::vector<client::Target>> targets();

  /// One connection, to the first address that answers.
  kj::Promise<std::unique_ptr<client::Connection>> dial();

 private:
  kj::AsyncIoProvider& io_;
  WorkerOptions& options_;
  const bool own_root_url_;
};

}  // namespace troupe::worker
