#include "runtime/actor/sharded_snapshot.h"

#include "runtime/actor/shard_place.h"
#include "runtime/base/assert.h"
#include "runtime/store/key.h"
#include "runtime/store/numbers.h"

#include <algorithm>
#include <utility>

namespace troupe {
namespace {

struct Row {
  std::string key;
  Bytes value;
};

// Reads one shard's rows in pages that grow: most scans end after a few rows.
class Cursor {
 public:
  Cursor(const Snapshot& snapshot, TableId table, std::string_view from)
      : snapshot_(snapshot), table_(table), from_(from) {
    refill();
  }

  const Row* current() const { return at_ < rows_.size() ? &rows_[at_] : nullptr; }
  void next() {
    if (++at_ == rows_.size() && more_) refill();
  }

 private:
  static constexpr std::size_t page_max = 256;

  void refill() {
    // A key's successor is the key with a 0 byte behind it.
    if (!rows_.empty()) from_ = rows_.back().key + '\0';
    rows_.clear();
    at_ = 0;
    snapshot_.scan(table_, from_, [this](std::string_view key, WordSpan value) {
      rows_.push_back({std::string(key), Bytes(value)});
      return rows_.size() < page_;
    });
    more_ = rows_.size() == page_;
    page_ = std::min(page_ * 4, page_max);
  }

  const Snapshot& snapshot_;
  const TableId table_;
  std::string from_;
  std::vector<Row> rows_;
  std::size_t at_ = 0;
  std::size_t page_ = 1;
  bool more_ = false;
};

class ShardedSnapshot final : public Snapshot {
 public:
  explicit ShardedSnapshot(std::vector<std::unique_ptr<Snapshot>> shards)
      : shards_(std::move(shards)) {
    TROUPE_EXPECTS(shards_.size() > 1);
  }

  std::optional<WordSpan> get(TableId table, std::string_view key) const override {
    return shard_with(table, key).get(table, key);
  }

  void scan(TableId table, std::string_view from, const Visitor& visit) const override {
    std::vector<Cursor> cursors;
    cursors.reserve(shards_.size());
    for (const auto& shard : shards_) cursors.emplace_back(*shard, table, from);
    for (;;) {
      Cursor* first = nullptr;
      for (auto& cursor : cursors) {
        if (cursor.current() == nullptr) continue;
        if (first == nullptr || cursor.current()->key < first->current()->key) first = &cursor;
      }
      if (first == nullptr || !visit(first->current()->key, first->current()->value.words()))
        return;
      first->next();
    }
  }

  std::optional<std::string> last_key_before(TableId table,
                                             std::string_view before) const override {
    std::optional<std::string> last;
    for (const auto& shard : shards_) {
      if (auto key = shard->last_key_before(table, before)) last = std::max(last, key);
    }
    return last;
  }

  std::uint64_t count(TableId table) const override {
    std::uint64_t total = 0;
    for (const auto& shard : shards_) total += shard->count(table);
    return total;
  }

  // Of the first shard: states are not added up.
  StoreState state() const override { return shards_.front()->state(); }

 private:
  // Rows of actors and messages begin with a number, which tells its shard.
  const Snapshot& shard_with(TableId table, std::string_view key) const {
    const auto count = static_cast<std::uint32_t>(shards_.size());
    if (table == tables::names.id) return *shards_[shard_of_name(key, count)];
    TROUPE_EXPECTS(table != tables::events.id && table != tables::meta.id);
    return *shards_[shard_of_number(KeyReader(key).u64(), count)];
  }

  const std::vector<std::unique_ptr<Snapshot>> shards_;
};

}  // namespace

std::unique_ptr<Snapshot> make_sharded_snapshot(std::vector<std::unique_ptr<Snapshot>> shards) {
  return std::make_unique<ShardedSnapshot>(std::move(shards));
}

}  // namespace troupe
