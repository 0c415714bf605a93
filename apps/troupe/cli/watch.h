// Watches a task group until nothing in it can run any more.
#pragma once

#include "apps/troupe/cli/reconnect.h"
#include "runtime/base/result.h"

#include <kj/async.h>

#include <string>

namespace troupe::cli {

struct WatchOptions {
  bool exit_status = true;  // the group's outcome as exit status, else 0
  bool json = false;        // one object a line
};

/// Shows the group (a live table on a terminal, else a line for each change of a state), says
/// within a second why something is not running, and ends once all is resolved or the rest is
/// blocked by failures. The value is the exit status: 0 all completed, 1 some failed, 4 some ended
/// as exception. Survives restarts of the server. A refusal (no such group) is thrown as a
/// kj::Exception.
kj::Promise<int> watch_group(Reconnector& server,
                             const std::string& group_id,
                             WatchOptions options);

/// The same from the start, and until Ctrl-C, which leaves the group as it is (status 130).
Result<int> watch_group(kj::AsyncIoContext& io,
                        const client::Target& target,
                        const std::string& group_id,
                        const WatchOptions& options);

}  // namespace troupe::cli
