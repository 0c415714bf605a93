// An actor's view of its own large sets: rows on disk with its uncommitted changes on top.
#pragma once

#include "runtime/actor/durable_actor.h"
#include "runtime/store/committer.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace troupe {

class OwnRows final : public Rows {
 public:
  OwnRows(Store& store, const Committer& committer) : store_(store), committer_(committer) {}

  /// The actor's number, which all its keys begin with; 0 while it has no rows.
  void set_number(std::uint64_t number);

  std::optional<Bytes> get(TableId table, std::string_view key) const override;
  std::vector<Row> scan(TableId table,
                        std::string_view prefix,
                        std::string_view after,
                        std::size_t limit) const override;

  /// The whole key of a row: number, key, padding.
  std::string full_key(std::string_view key) const;

  /// Remembers a change, whose key is whole, until `sequence` is on disk.
  void remember(RowOp row, std::uint64_t sequence);

  /// Forgets what is on disk by now and lets the snapshot go. After every message.
  void settle();

 private:
  struct Change {
    std::uint64_t sequence = 0;
    std::optional<Bytes> value;
  };
  using Place = std::pair<TableId, std::string>;

  const Snapshot& snapshot() const;

  Store& store_;
  const Committer& committer_;
  std::uint64_t number_ = 0;
  std::string prefix_;  // the number, as keys begin
  std::map<Place, Change> changes_;
  // The changes, oldest first; one that was made again since stands here twice.
  std::deque<std::pair<std::uint64_t, std::map<Place, Change>::iterator>> order_;
  mutable std::unique_ptr<Snapshot> snapshot_;  // of the message under way
};

}  // namespace troupe
