// A run that waits in a queue.
#pragma once

#include "actors/task_queue/amounts.h"
#include "runtime/base/time.h"

#include <compare>
#include <cstdint>
#include <string>

namespace troupe::task_queue {

/// Order of claims: urgency first, then age.
struct EntryKey {
  std::uint8_t behind = 0;  // 7 - rank: smaller is more urgent
  std::uint64_t number = 0;
  auto operator<=>(const EntryKey&) const = default;
};

struct Entry {
  EntryKey key;
  std::string task_id;
  std::uint32_t run_id = 0;
  Instant inserted;
  std::string concurrency_key;  // empty: not limited
  std::uint32_t concurrency_limit = 0;
  Amounts demands;

  bool limited() const { return !concurrency_key.empty(); }
  /// Whether anything but its key holds it back, or counts while it runs.
  bool plain() const { return concurrency_key.empty() && demands.empty(); }
};

}  // namespace troupe::task_queue
