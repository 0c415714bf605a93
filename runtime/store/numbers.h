// Rising numbers for messages, actors, entries and claims. Taken from blocks that were committed
// before use, so that none is given twice, whatever the crash.
//
// Threads: any.
#pragma once

#include "runtime/base/assert.h"

#include <atomic>
#include <cstdint>

namespace troupe {

class Numbers {
 public:
  // How far each commit reserves ahead. The committer's queue is bounded far below half of it.
  static constexpr std::uint64_t block = 1'000'000;

  /// `reserved`: all up to here may be in use already; the next block must be on disk before
  /// `next`.
  explicit Numbers(std::uint64_t reserved) : next_(reserved + 1), reserved_(reserved) {}

  std::uint64_t next() {
    const auto number = next_.fetch_add(1, std::memory_order_relaxed);
    TROUPE_INVARIANT(number <= reserved_.load(std::memory_order_acquire));
    return number;
  }

  /// What the next commit should write as reserved.
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
  std::atomic<std::uint64_t> next_;
  std::atomic<std::uint64_t> reserved_;
};

}  // namespace troupe
