// An actor's rows with the changes of the message under way on top. What changes twice is written
// once; what comes and goes is not written at all.
#pragma once

#include "runtime/actor/durable_actor.h"

#include <map>
#include <utility>

namespace troupe::task_queue {

class Draft final : public Rows {
 public:
  /// Borrows `stored`, which outlives it.
  explicit Draft(const Rows& stored) : stored_(stored) {}

  std::optional<Bytes> get(TableId table, std::string_view key) const override;
  std::vector<Row> scan(TableId table,
                        std::string_view prefix,
                        std::string_view after,
                        std::size_t limit) const override;

  void put(TableId table, std::string_view key, Bytes value);
  /// Requires that no such row is stored.
  void put_new(TableId table, std::string_view key, Bytes value);
  void erase(TableId table, std::string_view key);

  /// How many rows are to be written.
  std::size_t size() const { return changes_.size(); }
  std::vector<RowChange> take();

 private:
  struct Change {
    std::optional<Bytes> value;
    bool fresh = false;  // nothing is stored under this key
  };
  using Place = std::pair<TableId, std::string>;  // the key padded, as scans show it

  const Rows& stored_;
  std::map<Place, Change> changes_;
};

}  // namespace troupe::task_queue
