// Tasks for a group that is watched, as the server would tell of them.
#pragma once

#include "apps/troupe/cli/watch_state.h"
#include "runtime/base/time.h"

#include <capnp/message.h>

#include <string>
#include <vector>

namespace troupe::cli::test {

/// When each task's run began; it ends 2.5 s later.
constexpr Instant start{1'000'000};

struct NewTask {
  std::vector<std::string> needs = {};
  bool all_resolved = false;  // else all must be completed
  std::string queue = "local/default";
  std::string worker = {};
};

/// A task with one run, none if it is unscheduled; exceptions are cancellations.
inline void add(WatchedGroup& group,
                const std::string& id,
                schema::TaskState state,
                const NewTask& task = {}) {
  capnp::MallocMessageBuilder message;
  auto definition = message.initRoot<schema::TaskDefinition>();
  definition.initMetadata().setName(id);
  definition.setTaskQueueId(task.queue);
  if (task.all_resolved) definition.setRequires(schema::Requires::ALL_RESOLVED);
  auto needs = definition.initDependencies(static_cast<kj::uint>(task.needs.size()));
  for (kj::uint i = 0; i < needs.size(); ++i) needs.set(i, task.needs[i]);

  capnp::MallocMessageBuilder status_message;
  auto status = status_message.initRoot<schema::TaskStatus>();
  status.setTaskId(id);
  status.setState(state);
  if (state != schema::TaskState::UNSCHEDULED) {
    auto run = status.initRuns(1)[0];
    run.setState(state);
    run.setWorkerGroup("g");
    run.setWorkerId(task.worker);
    run.setStarted(start.ms);
    if (state == schema::TaskState::EXCEPTION) {
      run.setReasonResolved(schema::ReasonResolved::CANCELED);
    }
    if (state != schema::TaskState::RUNNING) run.setResolved(start.ms + 2'500);
  }
  group.add(id, definition.asReader(), status.asReader());
}

}  // namespace troupe::cli::test
