// What stored queues must hold to: Q2 and Q4 of state.h, and their entries.
#pragma once

#include "actors/task_queue/entry.h"
#include "runtime/actor/check.h"

#include <string>

namespace troupe::task_queue {

CheckedKind checked_kind();

/// Entries against pending runs, how many there are, and what limits hold back.
void check(const CheckView& view);

/// Whether the queue has an entry of the task under this key, held back or not.
bool has_entry(const CheckView& view,
               const ActorId& queue,
               const EntryKey& key,
               const std::string& task_id);

}  // namespace troupe::task_queue
