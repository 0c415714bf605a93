#include "runtime/store/copy.h"

namespace troupe {
namespace {

constexpr std::uint64_t piece_bytes = 2U << 20U;

// The meta table is written with each transaction anyway, and long values are split anew.
bool is_copied(TableId table) {
  return table != tables::meta.id && table != tables::parts.id;
}

class Copier {
 public:
  Copier(const Snapshot& from, std::uint32_t shard, Store& to, const CopyPace& pace)
      : from_(from), shard_(shard), to_(to), pace_(pace) {}

  Status copy(TableId table) {
    Status outcome = Done{};
    from_.scan(table, "", [&](std::string_view key, WordSpan value) {
      rows_.push_back({table, std::string(key), Bytes(value)});
      bytes_ += key.size() + value.size_bytes();
      if (bytes_ >= piece_bytes) outcome = write({});
      return outcome.ok();
    });
    return outcome;
  }

  /// Writes what is left with the state: from now on the copy is whole.
  Status finish() { return write(from_.state()); }

 private:
  Status write(const StoreState& state) {
    if (auto paced = pace_({rows_.size(), bytes_}); !paced.ok()) return paced;
    auto written = to_.apply(encode_batch(rows_, state, shard_));
    rows_.clear();
    bytes_ = 0;
    return written;
  }

  const Snapshot& from_;
  const std::uint32_t shard_;
  Store& to_;
  const CopyPace& pace_;
  std::vector<RowOp> rows_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Status copy_store(const Snapshot& from,
                  std::uint32_t shard,
                  const std::vector<TableSpec>& kinds,
                  Store& to,
                  const CopyPace& pace) {
  Copier copier(from, shard, to, pace);
  for (const auto& table : tables::system) {
    if (!is_copied(table.id)) continue;
    if (auto copied = copier.copy(table.id); !copied.ok()) return copied;
  }
  for (const auto& table : kinds) {
    if (auto copied = copier.copy(table.id); !copied.ok()) return copied;
  }
  return copier.finish();
}

}  // namespace troupe
