// What can be asked about task queues, answered from a snapshot.
#pragma once

#include "actors/lookup.h"
#include "actors/task_queue/state.h"
#include "schema/api/queue.capnp.h"

#include <optional>
#include <string>
#include <vector>

namespace troupe::task_queue {

struct QueueView {
  std::uint64_t number = 0;
  std::string task_queue_id;
  std::uint64_t pending = 0;
  Instant last_active;  // none if no worker ever asked
  Instant expires;
};

std::optional<QueueView> find_queue(const Snapshot& snapshot, const std::string& task_queue_id);

/// In order of ids.
std::vector<QueueView> list_queues(const Snapshot& snapshot, const Page& page, std::string& next);

/// Entries in the order of their insertion, oldest first.
std::vector<Entry> list_pending(const Snapshot& snapshot,
                                const QueueView& queue,
                                const Page& page,
                                std::string& next);

/// How many entries will be claimed before this one; counts at most `limit`.
std::size_t count_ahead(const Snapshot& snapshot,
                        const QueueView& queue,
                        const EntryKey& key,
                        std::size_t limit);

EntryKey make_entry_key(schema::Priority priority, std::uint64_t number);

}  // namespace troupe::task_queue
