#include "tests/sim/disk.h"

#include "actors/kinds.h"
#include "actors/task_queue/codec.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"
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
  task.expiring = row.getExpiring();
  task.visible = row.getCreateStep() == schema::CreateStep::NONE && !task.expiring;
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
  task.concurrency_key = str(row.getConcurrencyKey());
  task.concurrency_limit = row.getConcurrencyLimit();
  for (const auto run : row.getRuns()) task.runs.push_back(decode_run(run));
  return task;
}

namespace {

const TableSpec* const entry_tables[] = {&tables::queue_entries, &tables::queue_lanes,
                                         &tables::queue_held};

bool is_expiry(std::string_view timer) {
  return timer == "expire" || timer == "artifacts" || timer == "garbage";
}

template <class Matches>
std::size_t count_timers_if(const Snapshot& snapshot, const Matches& matches) {
  std::size_t count = 0;
  snapshot.scan(tables::timers.id, {}, [&](std::string_view, WordSpan row) {
    Stored<schema::TimerRow> timer(row);
    count += matches(view(timer.get().getName())) ? 1 : 0;
    return true;
  });
  return count;
}

}  // namespace

void each_entry(const Snapshot& shard,
                const std::function<void(std::uint64_t, const task_queue::Entry&)>& visit) {
  for (const TableSpec* table : entry_tables) {
    shard.scan(table->id, {}, [&](std::string_view key, WordSpan words) {
      const auto group = table == &tables::queue_entries ? 0 : key.find('\0', 8) - 8 + 1;
      visit(KeyReader(key).u64(), task_queue::decode_entry(key.substr(8 + group), words));
      return true;
    });
  }
}

std::size_t count_entries(const Snapshot& snapshot) {
  std::size_t count = 0;
  for (const TableSpec* table : entry_tables) count += snapshot.count(table->id);
  return count;
}

std::size_t count_timers(const Snapshot& snapshot) {
  return count_timers_if(
      snapshot, [](std::string_view timer) { return timer != "record" && !is_expiry(timer); });
}

std::size_t count_expiries(const Snapshot& snapshot) {
  return count_timers_if(snapshot, is_expiry);
}

}  // namespace troupe::sim
