// The task that holds a group's files: no worker serves its queue, the command line claims it,
// sends the archive and completes it.
#pragma once

#include "apps/troupe/cli/reconnect.h"
#include "apps/troupe/cli/upload_pack.h"

#include <kj/async.h>

#include <string>

namespace troupe::cli {

/// The worker group of whoever hands files over.
inline constexpr const char* upload_worker_group = "troupe-cli";

/// Claims the task, sends the archive (from where an interrupted attempt stopped), makes it the
/// artifact `private/source.tar.zst` and completes the task. Repeats over lost connections; a task
/// that is completed already is done. All borrowed for the life of the promise.
kj::Promise<void> complete_upload(Reconnector& server,
                                  const std::string& task_id,
                                  const PackedFiles& files);

}  // namespace troupe::cli
