// One task queue: runs that wait, most urgent first, and workers that wait for them.
//
// Entries are rows; only the first of each range are also in memory. Waiting workers are in no row:
// after a restart they ask again.
//
//   queue_entries    those that any worker may claim
//   queue_lanes      those that ask for resources: a lane for each combination
//   queue_held       those with a concurrency limit that is reached, or that others come before
//   queue_admitted   of those with a limit or demands: where they wait, and which are claimed
//
// "A group" is here: entries of one concurrency key that ask for the same.
//
// Invariants:
//   Q1  what is in memory of a range is its beginning (line.h);
//   Q2  `pending` is the number of rows in the first three of those tables;
//   Q3  at rest no worker waits that could take an entry, unless the limit of its key is reached;
//   Q4  of a concurrency key `claimed` counts claims, and `waiting` entries. Of a group at most one
//       is open; at rest the most urgent, unless the limit is reached;
//   Q5  `used` is what the claimed runs of each worker use up;
//   Q6  who may take a run, and does not look at all lanes anew (waiters.h), has no room for those
//       in memory, but for new ones (lanes.h) that those before it in line have looked at alone.
#pragma once

#include "actors/task_queue/entry.h"
#include "actors/task_queue/lanes.h"
#include "actors/task_queue/line.h"
#include "actors/task_queue/waiters.h"
#include "actors/task_queue/work_requests.h"
#include "runtime/base/time.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace troupe::task_queue {

struct QueueState {
  bool exists = false;  // has a row
  std::string task_queue_id;
  std::uint64_t pending = 0;
  Instant last_active;  // when a worker last asked
  Instant expires;      // of the record that people see; none: there is no record

  // Not in the queue's own row: what other rows say.
  Line entries{entries_line()};
  Lanes lanes;
  std::map<std::uint64_t, Amounts> used;       // by worker, as `worker_mark`
  std::map<std::string, Instant> quarantines;  // by worker, `group/id`: until when
  AnsweredRequests answered;

  // In no row.
  Waiters waiters;

  static Line entries_line();
};

struct QueueConfig {
  Duration expiration_delay{30 * 60 * 1'000};     // queue.expiration_delay
  std::size_t lanes_max = task_queue::lanes_max;  // in memory
  // How often one handler may look and find that a lane does not fit: about a millisecond's.
  std::size_t looks_max = 5'000;
};

}  // namespace troupe::task_queue
