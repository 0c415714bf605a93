#include "runtime/store/reader_pool.h"

#include "runtime/store/store.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>

namespace troupe {
namespace {

constexpr std::size_t idle_max = 64;

}  // namespace

ReaderPool::Lease ReaderPool::take(SnapshotUse use) {
  MDB_txn* txn = begin();
  const Duration now = clock_.elapsed();
  const std::lock_guard lock(mutex_);
  if (spare_.empty()) {
    out_.emplace_back();
  } else {
    out_.splice(out_.end(), spare_, spare_.begin());
  }
  const auto reader = std::prev(out_.end());
  reader->txn = txn;
  reader->since = now;
  reader->use = use;
  reader->expired = false;
  return reader;
}

MDB_txn* ReaderPool::begin() {
  MDB_txn* txn = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      txn = idle_.back();
      idle_.pop_back();
    }
  }
  if (txn) {
    if (mdb_txn_renew(txn) == 0) return txn;
    mdb_txn_abort(txn);
  }
  if (const int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn)) {
    throw std::runtime_error("cannot read the store: " + std::string(mdb_strerror(code)) + ", " +
                             std::to_string(stats().readers) + " snapshots are open");
  }
  return txn;
}

void ReaderPool::give_back(Lease reader) {
  MDB_txn* txn = reader->txn;
  mdb_txn_reset(txn);
  {
    const std::lock_guard lock(mutex_);
    if (spare_.size() < idle_max) {
      spare_.splice(spare_.end(), out_, reader);
    } else {
      out_.erase(reader);
    }
    if (idle_.size() < idle_max) {
      idle_.push_back(txn);
      return;
    }
  }
  mdb_txn_abort(txn);
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
  for (MDB_txn* txn : idle_) mdb_txn_abort(txn);
  idle_.clear();
}

}  // namespace troupe
