// The log of a task, run after run, as it grows.
#pragma once

#include "apps/troupe/cli/task_log.h"
#include "schema/api/queue_types.capnp.h"

#include <kj/async.h>

#include <cstdint>
#include <memory>
#include <string>

namespace troupe::cli {

/// Writes bytes to a descriptor without ever blocking the event loop for a slow reader, and without
/// making the descriptor non-blocking: it is shared with other programs. A reader that has gone
/// ends the process, as print_out does.
class LogWriter {
 public:
  LogWriter(kj::Timer& timer, int descriptor) : timer_(timer), descriptor_(descriptor) {}

  /// As `WriteLog` (task_log.h).
  kj::Promise<void> write(kj::ArrayPtr<const kj::byte> bytes,
                          std::uint64_t& offset,
                          std::shared_ptr<const bool> active);

 private:
  kj::Timer& timer_;
  const int descriptor_;
};

/// What a task ended as.
struct TaskEnd {
  schema::TaskState state = schema::TaskState::EXCEPTION;
  schema::ReasonResolved reason = schema::ReasonResolved::NONE;
  std::string status_json;
};

/// Follows a task's log from `place` on, over retries and lost connections, until the task is
/// resolved; `place` moves along. Every byte of each run is written once. All borrowed for the life
/// of the promise.
kj::Promise<TaskEnd> follow_task(Reconnector& server, LogPlace& place, LogWriter& writer);

}  // namespace troupe::cli
