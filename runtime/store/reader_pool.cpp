#include "runtime/store/reader_pool.h"

#include "runtime/store/store.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

namespace troupe {
namespace {

constexpr std::size_t spare_max = 64;

}  // namespace

// The lock is taken once for a snapshot and once for its end: all threads that read share it.
ReaderPool::Lease ReaderPool::reserve(SnapshotUse use) {
  const Duration now = clock_.elapsed();
  const std::lock_guard lock(mutex_);
  if (spare_.empty()) {
    out_.emplace_back();
  } else {
    out_.splice(out_.end(), spare_, std::prev(spare_.end()));
  }
  const auto reader = std::prev(out_.end());
  reader->since = now;
  reader->use = use;
  reader->expired = false;
  return reader;
}

int ReaderPool::begin(Reader& reader) const {
  if (reader.txn != nullptr) {
    if (mdb_txn_renew(reader.txn) == 0) return 0;
    mdb_txn_abort(std::exchange(reader.txn, nullptr));
  }
  return mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reader.txn);
}

ReaderPool::Lease ReaderPool::take(SnapshotUse use) {
  const auto reader = reserve(use);
  const int code = begin(*reader);
  if (code == 0) return reader;
  {
    const std::lock_guard lock(mutex_);
    out_.erase(reader);
  }
  throw std::runtime_error("cannot read the store: " + std::string(mdb_strerror(code)) + ", " +
                           std::to_string(stats().readers) + " snapshots are open");
}

void ReaderPool::give_back(Lease reader) {
  mdb_txn_reset(reader->txn);
  MDB_txn* superfluous = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (spare_.size() < spare_max) {
      spare_.splice(spare_.end(), out_, reader);
    } else {
      superfluous = reader->txn;
      out_.erase(reader);
    }
  }
  if (superfluous != nullptr) mdb_txn_abort(superfluous);
}

ReaderStats ReaderPool::stats() const {
  const Duration now = clock_.elapsed();
  const std::lock_guard lock(mutex_);
  if (out_.empty()) return {};
  return {out_.size(), std::max(now - out_.front().since, Duration{0})};
}

void ReaderPool::expire_older_than(Duration age_max,
                                   const std::function<void(Duration age)>& report) {
  const Duration now = clock_.elapsed();
  std::vector<Duration> ages;
  {
    const std::lock_guard lock(mutex_);
    for (Reader& reader : out_) {
      if (now - reader.since <= age_max) break;  // the rest are younger
      if (reader.use == SnapshotUse::backup || reader.expired.exchange(true)) continue;
      ages.push_back(now - reader.since);
    }
  }
  for (const Duration age : ages) report(age);
}

void ReaderPool::close() {
  const std::lock_guard lock(mutex_);
  for (const Reader& reader : spare_) mdb_txn_abort(reader.txn);
  spare_.clear();
}

}  // namespace troupe
