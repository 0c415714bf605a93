// What can be asked about task queues, answered from a snapshot.
#pragma once

#include "actors/lookup.h"
#include "actors/task_queue/state.h"
#include "schema/api/queue_types.capnp.h"
#include "schema/rpc/worker.capnp.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace troupe::task_queue {

struct QueueView {
  std::uint64_t number = 0;
  std::string task_queue_id;
  std::uint64_t pending = 0;
  Instant last_active;  // none if no worker ever asked
  Instant expires;      // of the record; none: there is none

  /// Whether people see a record of it. It may have tasks without.
  bool has_record(Instant now) const { return expires > now; }
};

std::optional<QueueView> find_queue(const Snapshot& snapshot, const std::string& task_queue_id);

/// In order of ids; those without a record too.
std::vector<QueueView> list_queues(const Snapshot& snapshot, const Page& page, std::string& next);

/// Entries in the order of their insertion, oldest first, those included that a limit holds back.
std::vector<Entry> list_pending(const Snapshot& snapshot,
                                const QueueView& queue,
                                const Page& page,
                                std::string& next);

/// How many entries are more urgent than this one, held back or not; counts at most `limit`.
std::size_t count_ahead(const Snapshot& snapshot,
                        const QueueView& queue,
                        const EntryKey& key,
                        std::size_t limit);

EntryKey make_entry_key(schema::Priority priority, std::uint64_t number);

/// An entry and what keeps it waiting.
struct EntryView {
  Entry entry;
  bool held = false;          // the limit of its key is reached
  std::uint32_t limit = 0;    // of its key, as the newest entry says; 0: it has no key
  std::uint64_t claimed = 0;  // runs of the key
};

/// The entry that waits under this key's number; nothing if none does.
std::optional<EntryView> find_entry(const Snapshot& snapshot,
                                    const QueueView& queue,
                                    const EntryKey& key);

/// Entries that wait for the same: those that ask for the same resources, under the same
/// concurrency key; or all that do neither.
struct WaitingGroup {
  Entry first;  // the most urgent of those that were looked at
  std::uint64_t entries = 0;
};

struct Survey {
  std::vector<WaitingGroup> groups;
  std::uint64_t looked_at = 0;  // entries that are in the groups
};

/// What waits in a queue, by what it waits for. Looks at no more than `limit` entries that are
/// limited or ask for resources, and at as many of the others; these need not be looked at one by
/// one if the former have all been seen. Cost: O(limit), however many wait.
Survey survey_waiting(const Snapshot& snapshot, const QueueView& queue, std::size_t limit);

/// What the claimed runs of each worker use up of what it has, by its `worker_mark`.
std::map<std::uint64_t, Amounts> used_by_workers(const Snapshot& snapshot, const QueueView& queue);

/// Resources as rows have them.
Amounts read_amounts(capnp::List<schema::Resource>::Reader list);

}  // namespace troupe::task_queue
