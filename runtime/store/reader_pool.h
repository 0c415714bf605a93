// Read transactions, kept for reuse since beginning one anew takes a lock and a search for a slot,
// and who holds them since when: the oldest keeps freed pages from reuse.
//
// Threads: any.
#pragma once

#include "runtime/base/time.h"
#include "runtime/clock/clock.h"

#include <lmdb.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>

namespace troupe {

enum class SnapshotUse : unsigned char;

struct ReaderStats {
  std::size_t readers = 0;
  Duration oldest_age{0};
};

class ReaderPool {
 public:
  /// One read transaction in somebody's hands.
  struct Reader {
    MDB_txn* txn = nullptr;  // of a spare one: reset
    Duration since{0};
    SnapshotUse use{};
    std::atomic<bool> expired{false};  // held for too long: its holder reads no more
  };
  using Lease = std::list<Reader>::iterator;

  /// Borrows both.
  ReaderPool(MDB_env* env, const Clock& clock) : env_(env), clock_(clock) {}

  /// Throws std::runtime_error if every slot is taken.
  Lease take(SnapshotUse use);
  void give_back(Lease reader);

  ReaderStats stats() const;

  /// Ends each reader that is older than `age_max`, backups excepted: its holder finds it expired
  /// at the next read, and lets it go. Its pages cannot be taken away under the holder's hands.
  /// Calls `report` once for each.
  void expire_older_than(Duration age_max, const std::function<void(Duration age)>& report);

  /// Ends all idle transactions. No reader is out any more.
  void close();

 private:
  Lease reserve(SnapshotUse use);
  int begin(Reader& reader) const;  // LMDB's code

  MDB_env* env_;
  const Clock& clock_;

  mutable std::mutex mutex_;  // guards the rest
  std::list<Reader> out_;     // oldest first
  std::list<Reader> spare_;   // for reuse
};

}  // namespace troupe
