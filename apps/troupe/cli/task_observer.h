// One task over time: its status, and when to look at it again.
#pragma once

#include "apps/troupe/cli/reconnect.h"
#include "schema/api/queue_types.capnp.h"

#include <cstdint>
#include <string>

namespace troupe::cli {

class TaskObserver {
 public:
  using Status = capnp::Response<schema::TaskStatusResponse>;

  /// Borrowed: `server` outlives *this, and *this all promises that it gives.
  TaskObserver(Reconnector& server, std::string task_id)
      : server_(server), task_id_(std::move(task_id)) {}

  const std::string& task_id() const { return task_id_; }

  kj::Promise<Status> status();

  /// Ends when something has happened to the task since the call before, at the latest after
  /// `wait_seconds`. The first call ends at once: a status that is read after it misses nothing
  /// that later calls do not tell of. So does one after the server has forgotten the position.
  kj::Promise<void> next_event(std::uint32_t wait_seconds);

 private:
  Reconnector& server_;
  const std::string task_id_;
  std::string position_;  // in the event log; empty before the first look
};

}  // namespace troupe::cli
