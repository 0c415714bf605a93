// The one writer of a shard: one first-in-first-out queue, one thread, one transaction at a time.
//
//   handlers --enqueue--> [queue] --a batch--> LMDB transaction, fsync --> publish --> outputs
//
// A batch is whatever waits when the thread is free, so that a busy shard shares each fsync among
// many and an idle one waits for nothing (group commit without a delay). Outputs (replies) leave
// only after their batch is on disk (invariant 1). A batch is never given up (invariant 11): a full
// disk is tried again, anything else ends the process.
//
// Free of CAF and KJ: outputs are functions. Without its thread it is driven by `step`, batch by
// batch: so the simulation decides when something reaches the disk.
#pragma once

#include "runtime/store/composer.h"
#include "runtime/store/numbers.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace troupe {

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
    std::function<void()> released;                           // outputs have run, several at once
    std::function<void(std::uint64_t last_event)> published;  // after each batch
    std::function<void(double seconds, std::size_t commits)> measured;
    std::function<void(const Bytes& batch)> landed;  // on disk, before its outputs leave
  };

  enum class Drive {
    thread,  // writes on a thread of its own
    steps,   // writes when told
  };

  /// Borrows `store` and `numbers`, which outlive it. Reserves the first numbers before it returns.
  Committer(Store& store, Numbers& numbers, Hooks hooks, Drive drive = Drive::thread);
  /// Stops; without a thread what is queued is lost, as in a crash.
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  /// Queues `commit` and answers its place in the order. Any thread; never blocks on the disk.
  std::uint64_t enqueue(Commit commit);

  /// All places up to this one are on disk.
  std::uint64_t durable() const { return durable_.load(std::memory_order_acquire); }

  /// Number of the newest event on disk.
  std::uint64_t last_event() const { return last_event_.load(std::memory_order_acquire); }

  /// Waits until all that is queued now is on disk and its outputs have run, or the committer has
  /// stopped. Not from the committer's own thread.
  void flush();

  /// Lands what is queued and ends the thread. On a full disk the rest is lost instead: nobody has
  /// been told of it. Not from the committer's own thread.
  void stop();

  /// Writes one batch of at most `most` commits, or tries again the one that found the disk full.
  /// Answers how many have landed. Only without a thread.
  std::size_t step(std::size_t most);

  /// No batch is written while the lock lives: what is on disk stands still.
  [[nodiscard]] std::unique_lock<std::mutex> pause() { return std::unique_lock(writing_); }

  CommitterStats stats() const;

 private:
  struct Waiting {
    std::uint64_t sequence = 0;
    Commit commit;
  };

  // A batch from the moment it is taken until its outputs have run.
  struct Batch {
    std::vector<Waiting> commits;
    Bytes bytes;
    std::size_t rows = 0;
    std::vector<std::uint64_t> places;  // of its channel messages, in order
    StoreState state;
    bool changes = false;  // refusals and repeats change nothing: they wait for those before them
  };

  void run();
  std::vector<Waiting> take(std::size_t most);
  Batch compose(std::vector<Waiting> commits);
  bool write(const Batch& batch);
  void publish(Batch& batch, double seconds);
  void release(Batch& batch);
  void adapt(double seconds, std::size_t commits);
  void reserve_first_numbers();

  // Constant after construction.
  Store& store_;
  Numbers& numbers_;
  const Hooks hooks_;

  std::atomic<std::uint64_t> durable_;
  std::atomic<std::uint64_t> last_event_;

  std::mutex writing_;        // held while a batch is written; before mutex_, never after
  mutable std::mutex mutex_;  // guards all up to `stats_`
  std::condition_variable wake_;
  std::condition_variable flushed_;
  std::vector<Waiting> queue_;
  std::uint64_t next_sequence_;
  std::uint64_t finished_ = 0;  // outputs up to this place have run
  bool stopping_ = false;
  bool stopped_ = false;
  CommitterStats stats_;

  // Owned by who writes: the thread, or the caller of `step`.
  StoreState state_;
  ChannelPlaces sent_;
  std::size_t commits_per_batch_max_;
  std::optional<Batch> stalled_;  // of `step`: taken, and not written yet

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace troupe
