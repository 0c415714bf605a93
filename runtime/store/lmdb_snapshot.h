// A Snapshot over one LMDB read transaction.
#pragma once

#include "runtime/store/lmdb_values.h"
#include "runtime/store/reader_pool.h"
#include "runtime/store/store.h"

#include <cstdint>
#include <map>
#include <vector>

namespace troupe {

struct SplitValue;

class LmdbSnapshot final : public Snapshot {
 public:
  /// Borrows all but the lease.
  LmdbSnapshot(ReaderPool& pool,
               SnapshotUse use,
               const TableHandles& handles,
               const std::string& directory)
      : pool_(pool), handles_(handles), directory_(directory), reader_(pool.take(use)) {}
  ~LmdbSnapshot() override { pool_.give_back(reader_); }
  LmdbSnapshot(const LmdbSnapshot&) = delete;
  LmdbSnapshot& operator=(const LmdbSnapshot&) = delete;

  std::optional<WordSpan> get(TableId table, std::string_view key) const override;
  void scan(TableId table, std::string_view from, const Visitor& visit) const override;
  std::optional<std::string> last_key_before(TableId table, std::string_view before) const override;
  std::uint64_t count(TableId table) const override;
  StoreState state() const override;

  /// The transaction, for those who know LMDB. Theirs does not expire.
  MDB_txn* txn() const { return reader_->txn; }

 private:
  using Words = std::vector<std::uint64_t>;

  MDB_txn* reading() const;
  std::optional<WordSpan> get_row(TableId table, std::string_view key) const;
  WordSpan words_of(const MDB_val& value) const;
  SplitValue split_of(WordSpan row) const;
  void assemble(const SplitValue& split, Words& out) const;
  int check(const char* what, int code) const;
  [[noreturn]] void damaged(const std::string& what) const;

  ReaderPool& pool_;
  const TableHandles& handles_;
  const std::string& directory_;
  ReaderPool::Lease reader_;
  mutable std::map<std::uint64_t, Words> assembled_;  // split values that `get` gave out, by id
};

}  // namespace troupe
