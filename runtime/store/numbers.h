// Rising numbers for messages, actors, entries and claims. Taken from blocks that were committed
// before use, so that none is given twice, whatever the crash.
//
// A number tells the shard that gave it: numbers of shard s are congruent to s modulo the number of
// shards. The shards' counters follow each other (`observe`), so that a number made after another
// was heard of is greater.
//
// Threads: any.
#pragma once

#include "runtime/base/assert.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace troupe {

class Numbers {
 public:
  // How far each commit reserves ahead. The committer's queue is bounded far below half of it.
  static constexpr std::uint64_t block = 1'000'000;

  /// `reserved`: all counts up to here may be in use already; the next block must be on disk
  /// before `next`.
  explicit Numbers(std::uint64_t reserved, std::uint32_t shard = 0, std::uint32_t shards = 1)
      : shard_(shard), shards_(shards), next_(reserved + 1), reserved_(reserved) {}

  std::uint32_t shard() const { return static_cast<std::uint32_t>(shard_); }

  std::uint64_t next() {
    const auto count = next_.fetch_add(1, std::memory_order_relaxed);
    TROUPE_INVARIANT(count <= reserved_.load(std::memory_order_acquire));
    return count * shards_ + shard_;
  }

  /// A number of another shard was heard of. Does not go past what is reserved: a counter that lags
  /// that far catches up with the next blocks.
  void observe(std::uint64_t number) {
    const auto reserved = reserved_.load(std::memory_order_acquire);
    const auto wanted = std::min(number / shards_ + 1, reserved - std::min(reserved, block / 2));
    auto current = next_.load(std::memory_order_relaxed);
    while (current < wanted &&
           !next_.compare_exchange_weak(current, wanted, std::memory_order_relaxed)) {
    }
  }

  /// What the next commit should write as reserved: a count.
  std::uint64_t wanted() const {
    const auto reserved = reserved_.load(std::memory_order_relaxed);
    const auto used = next_.load(std::memory_order_relaxed);
    return used + block / 2 > reserved ? used + block : reserved;
  }

  /// The commit that wrote `reserved` is on disk.
  void set_reserved(std::uint64_t reserved) {
    reserved_.store(reserved, std::memory_order_release);
  }

 private:
  const std::uint64_t shard_;
  const std::uint64_t shards_;
  std::atomic<std::uint64_t> next_;      // counts
  std::atomic<std::uint64_t> reserved_;  // a count
};

/// The shard that gave a number.
inline std::uint32_t shard_of_number(std::uint64_t number, std::uint32_t shards) {
  return static_cast<std::uint32_t>(number % shards);
}

}  // namespace troupe
