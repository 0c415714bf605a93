#include "actors/task_queue/check.h"

#include "actors/check.h"
#include "actors/kinds.h"
#include "actors/lookup.h"
#include "actors/task_queue/codec.h"
#include "actors/task_queue/step.h"

namespace troupe::task_queue {
namespace {

enum Sets : std::size_t { entries, lanes, held, admitted, concurrency, quarantines, requests };

// One queue while it is being checked.
struct Checked {
  const CheckView& view;
  ActorId id;
  Located self;
  std::string where;                               // `task_queue/ID`
  std::uint64_t count = 0;                         // of entries
  std::map<std::string, Concurrency> limits = {};  // as counted, by concurrency key

  void expect(bool holds, const std::string& place, const char* what) const {
    view.findings().expect(holds, place, what);
  }
};

// The task has said that the entry goes, or that it moves: the message is on its way.
bool is_changing(const Checked& q, const ActorId& task, std::uint64_t number) {
  return q.view.any_message(task, q.id, [number](WordSpan body, std::string_view) {
    Stored<M> stored(body);
    const auto m = stored.get();
    return (m.isRemoveEntry() && m.getRemoveEntry().getAtNumber() == number) ||
           (m.isMoveEntry() && m.getMoveEntry().getMovedNumber() == number);
  });
}

bool waits(schema::TaskRow::Reader task, const Entry& entry, const std::string& queue) {
  const auto runs = task.getRuns();
  if (runs.size() == 0 || entry.run_id + 1 != runs.size()) return false;
  const auto run = runs[runs.size() - 1];
  return run.getState() == schema::TaskState::PENDING && run.getEntry() == entry.key.number &&
         entry.key == make_entry_key(task.getPriority(), entry.key.number) &&
         str(task.getTaskQueueId()) == queue;
}

// Whether the row is where its entry belongs, and is found by its number.
void check_place(const Checked& q, Sets set, const std::string& group, const Entry& entry) {
  const std::string where = q.where + " entry of " + entry.task_id;
  const bool right = set == lanes  ? group == lane_prefix(lane_of(entry.demands))
                     : set == held ? group == held_prefix(entry.concurrency_key, entry.demands)
                                   : entry.demands.empty();
  q.expect(right, where, "it is in a range that is not for what it asks");
  if (entry.plain()) return;
  const auto row = q.view.row(q.self, tables::queue_admitted, waiting_key(entry.key.number));
  q.expect(row && decode_waiting(entry.key.number, *row).key == entry.key, where,
           "it is not found by its number");
}

void check_entry(Checked& q, Sets set, std::string_view key, WordSpan words) {
  q.count += 1;
  DoubtfulKey parts(key);
  std::string group;
  if (set != entries) {
    const auto text = parts.text();
    if (text) group = std::string(*text) + '\0';
  }
  const auto behind = parts.number(1);
  const auto number = parts.number(8);
  if (!behind || !number || !parts.ends()) {
    q.view.findings().add(q.where, "the key of an entry is malformed");
    return;
  }
  q.view.findings().guard(q.where + " entry " + std::to_string(*number), [&] {
    decode_whole<schema::EntryRow>(words);
    const EntryKey place{static_cast<std::uint8_t>(*behind), *number};
    const Entry entry = decode_entry(entry_key(place), words);
    check_place(q, set, group, entry);
    if (entry.limited()) q.limits[entry.concurrency_key].waiting += 1;
    const ActorId task = task_id(entry.task_id);
    const auto row = q.view.row(q.view.locate(task), tables::task_state);
    const bool good = row && waits(Stored<schema::TaskRow>(*row).get(), entry, q.id.key);
    q.expect(good || is_changing(q, task, *number), q.where + " entry of " + task.key,
             "no pending run of the task belongs to it");
  });
}

// ---- Limits ----

bool has_row(const Checked& q, const Waiting& waiting) {
  const std::string own = entry_key(waiting.key);
  const auto there = [&](const TableSpec& table, const std::string& prefix) {
    return q.view.row(q.self, table, prefix + own).has_value();
  };
  const bool open = waiting.demands.empty()
                        ? there(tables::queue_entries, "")
                        : there(tables::queue_lanes, lane_prefix(lane_of(waiting.demands)));
  return open || (!waiting.concurrency_key.empty() &&
                  there(tables::queue_held, held_prefix(waiting.concurrency_key, waiting.demands)));
}

void check_admitted(Checked& q, std::string_view key, WordSpan words) {
  DoubtfulKey parts(key);
  const auto part = parts.number(1);
  if (part && key.starts_with(waiting_prefix())) {
    const auto number = parts.number(8);
    const bool there = number && has_row(q, decode_waiting(*number, words));
    q.expect(there, q.where + " queue_admitted", "a number of no entry");
  } else if (part && key.starts_with(claimed_prefix())) {
    const Claimed claimed = decode_claimed(words);
    if (!claimed.concurrency_key.empty()) q.limits[claimed.concurrency_key].claimed += 1;
  } else {
    const auto text = parts.text();
    q.expect(text && parts.number(1) && parts.number(8) && parts.ends(),
             q.where + " queue_admitted", "the key is malformed");
  }
}

// The first entry behind this prefix.
std::optional<EntryKey> first_key(const Checked& q,
                                  const TableSpec& table,
                                  const std::string& prefix) {
  std::optional<EntryKey> first;
  scan_own(*q.self.snapshot, table, q.self.number, prefix, "", [&](std::string_view key, WordSpan) {
    first = decode_entry_key(key.substr(prefix.size()));
    return false;
  });
  return first;
}

// Whether of each group the most urgent entry is open.
bool is_open(const Checked& q, const std::string& concurrency_key) {
  bool open = true;
  std::string after;
  const auto look = [&](std::string_view, WordSpan row) {
    const Amounts demands = decode_demands(row);
    const std::string held = held_prefix(concurrency_key, demands);
    const auto next = first_key(q, tables::queue_held, held);
    const auto present =
        first_key(q, tables::queue_admitted, open_prefix(concurrency_key, demands));
    open = next && present && *present < *next;
    after = behind_group(held);
    return false;
  };
  std::string last;
  do {
    last = after;
    scan_own(*q.self.snapshot, tables::queue_held, q.self.number, held_prefix(concurrency_key),
             after, look);
  } while (open && after != last);
  return open;
}

// Q4.
void check_concurrency(const Checked& q, std::string_view key, WordSpan words) {
  const auto text = DoubtfulKey(key).text();
  if (!text) return q.view.findings().add(q.where, "the key of a limit is malformed");
  const std::string where = q.where + " concurrency " + std::string(*text);
  const std::string concurrency_key(*text);
  const Concurrency counts = decode_concurrency(words);
  const auto found = q.limits.find(concurrency_key);
  const Concurrency counted = found == q.limits.end() ? Concurrency{} : found->second;
  q.expect(counts.claimed == counted.claimed, where, "Q4: claimed is not the number of claims");
  q.expect(counts.waiting == counted.waiting, where, "Q4: waiting is not the number of entries");
  const bool going_on = q.view.any_message(q.id, q.id, [](WordSpan body, std::string_view) {
    return Stored<M>(body).get().isContinueMatching();
  });
  q.expect(counts.is_reached() || going_on || is_open(q, concurrency_key), where,
           "Q4: held back though the limit is not reached");
}

void check_quarantine(const Checked& q, std::string_view key, WordSpan words) {
  DoubtfulKey parts(key);
  const auto group = parts.text();
  const auto id = parts.text();
  if (!group || !id) return q.view.findings().add(q.where, "the key of a quarantine is malformed");
  const ActorId worker = worker_id(q.id.key + "/" + std::string(*group) + "/" + std::string(*id));
  const auto until = Stored<schema::QuarantineRow>(words).get().getUntil();
  const auto row = q.view.row(q.view.locate(worker), tables::worker_state);
  const bool same = row && Stored<schema::WorkerRow>(*row).get().getQuarantineUntil() == until;
  const bool changing = q.view.any_message(worker, q.id, [](WordSpan body, std::string_view) {
    return Stored<M>(body).get().isQuarantine();
  });
  q.expect(same || changing, q.where + " quarantine of " + worker.key,
           "its worker does not know of it");
}

void check_queue(Checked& q, ActorRows& rows, std::uint64_t pending) {
  for (const Sets set : {entries, lanes, held}) {
    rows.rows(set, [&](std::string_view key, WordSpan row) { check_entry(q, set, key, row); });
  }
  q.expect(pending == q.count, q.where, "Q2: pending is not the number of entries");
  const auto each = [&](Sets set, const auto& look) {
    rows.rows(set, [&](std::string_view key, WordSpan row) {
      q.view.findings().guard(q.where, [&] { look(q, key, row); });
    });
  };
  each(admitted, check_admitted);
  each(concurrency, check_concurrency);
  each(quarantines, check_quarantine);
  each(requests, [](const Checked&, std::string_view, WordSpan row) {
    decode_whole<schema::WorkRequestRow>(row);
  });
}

}  // namespace

CheckedKind checked_kind() {
  return {
      kinds::task_queue,
      "task_queue",
      tables::queue_state,
      {tables::queue_entries, tables::queue_lanes, tables::queue_held, tables::queue_admitted,
       tables::queue_concurrency, tables::queue_quarantines, tables::queue_requests},
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
        Checked queue{view, id, {shard, number}, "task_queue/" + id.key};
        check_queue(queue, rows, row.get().getPending());
      });
    });
  }
}

bool has_entry(const CheckView& view,
               const ActorId& queue,
               const EntryKey& key,
               const std::string& task_id) {
  const Located at = view.locate(queue);
  const std::string own = entry_key(key);
  const auto there = [&](const TableSpec& table, const std::string& prefix) {
    const auto words = view.row(at, table, prefix + own);
    return words && str(Stored<schema::EntryRow>(*words).get().getTaskId()) == task_id;
  };
  if (there(tables::queue_entries, "")) return true;
  const auto row = view.row(at, tables::queue_admitted, waiting_key(key.number));
  if (!row) return false;
  const Waiting waiting = decode_waiting(key.number, *row);
  return there(tables::queue_lanes, lane_prefix(lane_of(waiting.demands))) ||
         there(tables::queue_held, held_prefix(waiting.concurrency_key, waiting.demands));
}

}  // namespace troupe::task_queue
