// Puts and deletes rows within one write transaction, and splits values over 16,000 bytes.
#pragma once

#include "runtime/store/lmdb_values.h"

#include <optional>
#include <string_view>

namespace troupe {

struct SplitValue;

/// Every member answers an LMDB code; after any but 0 the transaction must be aborted.
class RowWriter {
 public:
  /// Borrows both; destroyed before the transaction ends.
  RowWriter(MDB_txn* txn, const TableHandles& handles) : txn_(txn), handles_(handles) {}
  ~RowWriter();
  RowWriter(const RowWriter&) = delete;
  RowWriter& operator=(const RowWriter&) = delete;

  int put(TableId table, std::string_view key, WordSpan value);

  /// A row that is not there is no error.
  int remove(TableId table, std::string_view key);

 private:
  int move_to(TableId table);
  int put_parts(WordSpan value, SplitValue& split);
  int remove_parts_of(const MDB_val& row);
  int next_id(std::uint64_t& id);

  MDB_txn* txn_;
  const TableHandles& handles_;
  // Batches are sorted: a cursor finds the next row near the last one.
  MDB_cursor* cursor_ = nullptr;
  TableId table_;
  std::optional<std::uint64_t> last_id_;  // of the parts; once asked
};

}  // namespace troupe
