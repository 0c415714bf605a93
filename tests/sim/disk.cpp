#include "tests/sim/disk.h"

#include "runtime/store/message.h"
#include "schema/store/rows.capnp.h"

namespace troupe::sim {
namespace {

RunOnDisk decode_run(schema::RunRow::Reader row) {
  RunOnDisk run;
  run.state = row.getState();
  run.created = row.getReasonCreated();
  run.reason = row.getReasonResolved();
  if (row.getWorkerId().size() > 0) {
    run.worker = str(row.getWorkerGroup()) + "/" + str(row.getWorkerId());
  }
  run.taken_until = row.getTakenUntil();
  run.scheduled = row.getScheduled();
  run.started = row.getStarted();
  run.resolved = row.getResolved();
  run.token = row.getToken();
  run.entry = row.getEntry();
  run.by_name = row.getByName();
  return run;
}

}  // namespace

TaskOnDisk decode_task(std::uint64_t number, WordSpan words) {
  Stored<schema::TaskRow> stored(words);
  const auto row = stored.get();
  TaskOnDisk task;
  task.exists = true;
  task.visible = row.getCreateStep() == schema::CreateStep::NONE;
  task.number = number;
  task.queue = str(row.getTaskQueueId());
  task.group = str(row.getTaskGroupId());
  task.scheduler = str(row.getSchedulerId());
  task.priority = row.getPriority();
  task.requirement = row.getRequires();
  task.retries = row.getRetries();
  task.retries_left = row.getRetriesLeft();
  task.deadline = Instant{row.getDeadline()};
  task.expires = Instant{row.getExpires()};
  for (const auto tag : row.getTags()) {
    if (view(tag.getKey()) == variant_tag) task.variant = std::stoi(str(tag.getValue()));
  }
  task.held = row.getHeld();
  task.telling = row.getResolveActive();
  task.deadline_event_due = row.getResolveActive() && row.getResolveDeadline();
  task.runs.reserve(row.getRuns().size());
  for (const auto run : row.getRuns()) task.runs.push_back(decode_run(run));
  return task;
}

}  // namespace troupe::sim
