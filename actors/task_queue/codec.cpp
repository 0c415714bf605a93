#include "actors/kinds.h"
#include "actors/task_queue/queue_actor.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"

namespace troupe::task_queue {

Bytes encode_row(const QueueState& state) {
  return build<schema::TaskQueueRow>([&state](schema::TaskQueueRow::Builder row) {
    row.setTaskQueueId(text(state.task_queue_id));
    row.setPending(state.pending);
    row.setLastDateActive(state.last_active.ms);
    row.setExpires(state.expires.ms);
  });
}

void decode_row(WordSpan words, QueueState& state) {
  Stored<schema::TaskQueueRow> stored(words);
  const auto row = stored.get();
  state.exists = true;
  state.task_queue_id = str(row.getTaskQueueId());
  state.pending = row.getPending();
  state.last_active = Instant{row.getLastDateActive()};
  state.expires = Instant{row.getExpires()};
}

Entry decode_entry(std::string_view key, WordSpan words) {
  Stored<schema::EntryRow> stored(words);
  const auto row = stored.get();
  KeyReader reader(key);
  Entry entry;
  entry.key.behind = reader.u8();
  entry.key.number = reader.u64();
  entry.task_id = str(row.getTaskId());
  entry.run_id = row.getRunId();
  entry.inserted = Instant{row.getInserted()};
  return entry;
}

std::vector<Entry> read_window(const Rows& rows) {
  std::vector<Entry> entries;
  for (const auto& row : rows.scan(tables::queue_entries.id, "", "", window_goal)) {
    entries.push_back(decode_entry(row.key, row.value.words()));
  }
  return entries;
}

}  // namespace troupe::task_queue
