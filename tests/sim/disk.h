// What is on disk, as plain values: rows of tasks read from a snapshot.
#pragma once

#include "actors/task_queue/entry.h"
#include "runtime/store/store.h"
#include "tests/actors/support/messages.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace troupe::sim {

using test::Outcome;
using test::Priority;
using test::Reason;
using test::Requires;
using test::State;
using Created = schema::ReasonCreated;

struct RunOnDisk {
  State state = State::PENDING;
  Created created = Created::SCHEDULED;
  Reason reason = Reason::NONE;
  std::string worker;  // `group/id`
  std::int64_t taken_until = 0;
  std::int64_t scheduled = 0;
  std::int64_t started = 0;
  std::int64_t resolved = 0;
  std::uint64_t token = 0;
  std::uint64_t entry = 0;
  bool by_name = false;  // claimed by claimTask, which its worker may repeat

  bool operator==(const RunOnDisk&) const = default;
  bool open() const { return state == State::PENDING || state == State::RUNNING; }
};

struct TaskOnDisk {
  bool exists = false;
  bool visible = false;
  bool expiring = false;     // its rows are being removed
  std::uint64_t number = 0;  // the actor's
  std::string queue;
  std::string group;
  std::string scheduler;
  Priority priority = Priority::LOWEST;
  Requires requirement = Requires::ALL_COMPLETED;
  std::int32_t retries = 0;
  std::int32_t retries_left = 0;
  Instant deadline;
  Instant expires;
  int variant = -1;  // which of the definitions that were sent under this id
  bool held = false;
  bool telling = false;             // dependents and group are being told
  bool deadline_event_due = false;  // comes when they have been
  std::string concurrency_key;      // empty: not limited
  std::uint32_t concurrency_limit = 0;
  std::vector<RunOnDisk> runs;

  State state() const { return runs.empty() ? State::UNSCHEDULED : runs.back().state; }
  bool resolved() const { return !runs.empty() && !runs.back().open(); }
};

/// The tag that tells definitions of one id apart.
inline constexpr const char* variant_tag = "variant";

/// The row of a task; `number` is its actor's.
TaskOnDisk decode_task(std::uint64_t number, WordSpan row);

/// Visits the entries of all queues of a shard, wherever they wait, with the numbers of their
/// queues' actors.
void each_entry(const Snapshot& shard,
                const std::function<void(std::uint64_t, const task_queue::Entry&)>& visit);
/// How many there are, in all shards of a snapshot.
std::size_t count_entries(const Snapshot& snapshot);

/// Timers that something waits for: not those that only end a record that people see.
std::size_t count_timers(const Snapshot& snapshot);
/// Timers at which tasks, groups and artifacts go.
std::size_t count_expiries(const Snapshot& snapshot);

}  // namespace troupe::sim
