#include "actors/task_queue/check.h"

#include "actors/check.h"
#include "actors/kinds.h"
#include "schema/store/messages.capnp.h"
#include "schema/store/rows.capnp.h"

namespace troupe::task_queue {
namespace {

enum Sets : std::size_t { entries };

// The task has said that the entry goes: the message is on its way.
bool is_leaving(const CheckView& view,
                const ActorId& task,
                const ActorId& queue,
                std::uint64_t number) {
  return view.any_message(task, queue, [number](WordSpan body, std::string_view) {
    Stored<schema::TaskQueueMessage> m(body);
    return m.get().isRemoveEntry() && m.get().getRemoveEntry().getAtNumber() == number;
  });
}

bool waits(schema::TaskRow::Reader task,
           schema::EntryRow::Reader entry,
           const std::string& queue,
           std::uint64_t behind,
           std::uint64_t number) {
  const auto runs = task.getRuns();
  if (runs.size() == 0 || entry.getRunId() + 1 != runs.size()) return false;
  const auto run = runs[runs.size() - 1];
  return run.getState() == schema::TaskState::PENDING && run.getEntry() == number &&
         behind == 6 - static_cast<std::uint64_t>(task.getPriority()) &&
         str(task.getTaskQueueId()) == queue;
}

void check_entry(const CheckView& view,
                 const ActorId& queue,
                 std::string_view key,
                 WordSpan words) {
  const std::string in_queue = "task_queue/" + queue.key;
  DoubtfulKey parts(key);
  const auto behind = parts.number(1);
  const auto number = parts.number(8);
  if (!behind || !number) {
    view.findings().add(in_queue, "the key of an entry is malformed");
    return;
  }
  view.findings().guard(in_queue + " entry " + std::to_string(*number), [&] {
    Stored<schema::EntryRow> entry(words);
    const ActorId task = task_id(str(entry.get().getTaskId()));
    const std::string where = in_queue + " entry of " + task.key;
    const auto row = view.row(view.locate(task), tables::task_state);
    const bool good =
        row && waits(Stored<schema::TaskRow>(*row).get(), entry.get(), queue.key, *behind, *number);
    view.findings().expect(good || is_leaving(view, task, queue, *number), where,
                           "no pending run of the task belongs to it");
  });
}

}  // namespace

CheckedKind checked_kind() {
  return {
      kinds::task_queue,
      "task_queue",
      tables::queue_state,
      {tables::queue_entries},
      [](WordSpan row) { return str(Stored<schema::TaskQueueRow>(row).get().getTaskQueueId()); },
      decode_whole<schema::TaskQueueMessage>};
}

void check(const CheckView& view) {
  const CheckedKind kind = checked_kind();
  for (const Snapshot* shard : view.shards()) {
    ActorRows rows(*shard, kind, view.findings());
    rows.each([&](std::uint64_t number, WordSpan words) {
      view.findings().guard("queue_state row " + std::to_string(number), [&] {
        Stored<schema::TaskQueueRow> row(words);
        row.get().totalSize();
        const ActorId id = task_queue_id(str(row.get().getTaskQueueId()));
        std::uint64_t count = 0;
        rows.rows(entries, [&](std::string_view key, WordSpan entry) {
          ++count;
          check_entry(view, id, key, entry);
        });
        view.findings().expect(row.get().getPending() == count, "task_queue/" + id.key,
                               "Q2: pending is not the number of entries");
      });
    });
  }
}

}  // namespace troupe::task_queue
