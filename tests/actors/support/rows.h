// An actor's rows in memory, with the same keys as on disk.
#pragma once

#include "runtime/actor/durable_actor.h"

#include <map>
#include <utility>

namespace troupe::test {

class MemoryRows final : public Rows {
 public:
  std::optional<Bytes> get(TableId table, std::string_view key) const override;
  std::vector<Row> scan(TableId table,
                        std::string_view prefix,
                        std::string_view after,
                        std::size_t limit) const override;

  void apply(const std::vector<RowChange>& changes);
  std::size_t count(TableId table) const;
  bool empty() const { return rows_.empty(); }
  /// How many rows scans have answered with.
  std::size_t scanned() const { return scanned_; }
  /// By table and padded key.
  const std::map<std::pair<TableId, std::string>, Bytes>& all() const { return rows_; }

 private:
  std::map<std::pair<TableId, std::string>, Bytes> rows_;
  mutable std::size_t scanned_ = 0;
};

}  // namespace troupe::test
