// Rising numbers for messages, actors, entries and claims. Taken from blocks that were committed
// before use, so that none is given twice, whatever the crash.
//
// A number tells the shard that gave it: numbers of shard s are congruent to s modulo the number of
// shards. The shards of a process share the count that was given last, so that a number is greater
// than all that any of them gave before: what waits in a queue is claimed in the order it came,
// whichever shards it came through.
//
// Threads: any.
#pragma once

#include "runtime/base/assert.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace troupe {

/// The greatest count that any shard of a process has given.
class LatestCount {
 public:
  std::uint64_t get() const { return count_.load(std::memory_order_acquire); }
  void raise_to(std::uint64_t count) {
    auto current = count_.load(std::memory_order_relaxed);
    while (current < count &&
           !count_.compare_exchange_weak(current, count, std::memory_order_acq_rel)) {
    }
  }

 private:
  std::atomic<std::uint64_t> count_ = 0;
};

class Numbers {
 public:
  // How far each commit reserves ahead. The committer's queue is bounded far below half of it.
  static constexpr std::uint64_t block = 1'000'000;

  /// `reserved`: all counts up to here may be in use already; the next block must be on disk
  /// before `next`. `latest` is shared with the process's other shards.
  explicit Numbers(std::uint64_t reserved,
                   std::uint32_t shard = 0,
                   std::uint32_t shards = 1,
                   std::shared_ptr<LatestCount> latest = std::make_shared<LatestCount>())
      : shard_(shard),
        shards_(shards),
        latest_(std::move(latest)),
        next_(reserved + 1),
        reserved_(reserved) {
    latest_->raise_to(reserved);
  }

  std::uint32_t shard() const { return static_cast<std::uint32_t>(shard_); }

  /// Greater than all that the process's shards gave before; than its own alone while this shard
  /// lags by more than half a block, until its next commit, which reserves beyond the others.
  std::uint64_t next() {
    const auto reserved = reserved_.load(std::memory_order_acquire);
    const auto reachable = reserved - std::min(reserved, block / 2);
    auto current = next_.load(std::memory_order_relaxed);
    std::uint64_t count = 0;
    do {
      count = std::max(current, std::min(latest_->get() + 1, reachable));
    } while (!next_.compare_exchange_weak(current, count + 1, std::memory_order_relaxed));
    TROUPE_INVARIANT(count <= reserved_.load(std::memory_order_acquire));
    latest_->raise_to(count);
    return count * shards_ + shard_;
  }

  /// What the next commit should write as reserved: a count.
  std::uint64_t wanted() const {
    const auto reserved = reserved_.load(std::memory_order_relaxed);
    const auto used = std::max(next_.load(std::memory_order_relaxed), latest_->get());
    return used + block / 2 > reserved ? used + block : reserved;
  }

  /// The commit that wrote `reserved` is on disk.
  void set_reserved(std::uint64_t reserved) {
    reserved_.store(reserved, std::memory_order_release);
  }

 private:
  const std::uint64_t shard_;
  const std::uint64_t shards_;
  const std::shared_ptr<LatestCount> latest_;
  std::atomic<std::uint64_t> next_;      // counts
  std::atomic<std::uint64_t> reserved_;  // a count
};

/// The shard that gave a number.
inline std::uint32_t shard_of_number(std::uint64_t number, std::uint32_t shards) {
  return static_cast<std::uint32_t>(number % shards);
}

}  // namespace troupe
