// The one writer of a shard: one first-in-first-out queue, one thread, one transaction at a time.
//
//   handlers --enqueue--> [queue] --a batch--> LMDB transaction, fsync --> publish --> outputs
//
// A batch is whatever waits when the thread is free, so that a busy shard shares each fsync among
// many and an idle one waits for nothing (group commit without a delay). Outputs (replies) leave
// only after their batch is on disk (invariant 1). A batch is never given up (invariant 11): a full
// disk is tried again, anything else ends the process.
//
// Free of CAF and KJ: outputs are functions.
#pragma once

#include "runtime/store/numbers.h"
#include "runtime/store/store.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace troupe {

/// A message that its sender's transaction puts into an inbox.
struct InboxPut {
  std::uint64_t number = 0;
  std::function<Bytes()> encode;  // the row; asked only if the receiver is not as fast as the disk
};

/// All that one handled message leaves behind: lands whole or not at all.
struct Commit {
  std::vector<RowOp> rows;
  std::vector<InboxPut> inbox_puts;
  std::vector<std::uint64_t> inbox_deletes;
  std::vector<Bytes> events;                   // rows of the event log, not yet numbered
  std::vector<std::function<void()>> outputs;  // run on the committer's thread: hand over only
};

/// Counts since start, for metrics.
struct CommitterStats {
  std::uint64_t batches = 0;
  std::uint64_t commits = 0;
  std::uint64_t rows = 0;
  std::uint64_t waiting = 0;
  double last_batch_seconds = 0;
  bool stalled = false;  // the disk is full: a batch waits
};

class Committer {
 public:
  struct Hooks {
    std::function<void(const std::string& why)>
        fatal;  // the disk cannot be trusted: end the process
    std::function<void(const std::string& why)> stalled;      // a batch waits for space
    std::function<void(std::uint64_t last_event)> published;  // after each batch
    std::function<void(double seconds, std::size_t commits)> measured;
  };

  /// Borrows `store` and `numbers`, which outlive it. Reserves the first numbers before it returns.
  Committer(Store& store, Numbers& numbers, Hooks hooks);
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  /// Queues `commit` and answers its place in the order. Any thread; never blocks on the disk.
  std::uint64_t enqueue(Commit commit);

  /// All places up to this one are on disk.
  std::uint64_t durable() const { return durable_.load(std::memory_order_acquire); }

  /// Number of the newest event on disk.
  std::uint64_t last_event() const { return last_event_.load(std::memory_order_acquire); }

  /// Waits until all that is queued now is on disk and its outputs have run. Not from the
  /// committer's own thread.
  void flush();

  CommitterStats stats() const;

 private:
  struct Waiting {
    std::uint64_t sequence = 0;
    Commit commit;
  };

  void run();
  std::vector<Waiting> take_batch();
  void write(std::vector<Waiting>& batch);
  void apply_until_done(const std::vector<RowOp>& rows, const StoreState& state);

  // Constant after construction.
  Store& store_;
  Numbers& numbers_;
  Hooks hooks_;

  std::atomic<std::uint64_t> durable_;
  std::atomic<std::uint64_t> last_event_;

  mutable std::mutex mutex_;  // guards all up to `stats_`
  std::condition_variable wake_;
  std::condition_variable flushed_;
  std::deque<Waiting> queue_;
  std::uint64_t next_sequence_;
  std::uint64_t finished_ = 0;  // outputs up to this place have run
  bool stopping_ = false;
  CommitterStats stats_;

  // Owned by the committer's thread.
  StoreState state_;
  std::size_t commits_per_batch_max_;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace troupe
