// What tests around the store share: a folder of their own, small values, and a store in memory
// that can be held, full or broken.
#pragma once

#include "runtime/store/store.h"

#include <unistd.h>

#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::test {

/// A new folder, removed at the end.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "troupe-store-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// A value of one word.
inline Bytes word(std::uint64_t value) {
  return Bytes(std::vector<std::uint64_t>{value});
}

/// The number in a value of one word.
inline std::uint64_t number_in(WordSpan words) {
  return words.empty() ? 0 : words[0];
}
inline std::uint64_t number_in(const Bytes& bytes) {
  return number_in(bytes.words());
}

inline constexpr TableSpec things{{16}, "things"};
inline constexpr TableSpec others{{17}, "others"};

/// Options of a store in `folder` with the two tables above; not synced and without a reserve,
/// since nobody cuts the power.
inline StoreOptions options_in(const TempFolder& folder) {
  StoreOptions options;
  options.directory = folder.path();
  options.tables = {things, others};
  options.reserve_bytes = 0;
  options.sync = false;
  return options;
}

/// Writes `rows` and `state` as one batch of shard 0.
inline Status write_rows(Store& store,
                         const std::vector<RowOp>& rows,
                         const StoreState& state = {}) {
  return store.apply(encode_batch(rows, state, 0));
}

/// All rows of a table, in order, each value as its first word.
inline std::vector<std::pair<std::string, std::uint64_t>> all_rows(const Snapshot& snapshot,
                                                                   TableId table) {
  std::vector<std::pair<std::string, std::uint64_t>> rows;
  snapshot.scan(table, {}, [&rows](std::string_view key, WordSpan value) {
    rows.emplace_back(std::string(key), number_in(value));
    return true;
  });
  return rows;
}

/// A Store in memory under the test's control.
class MemoryStore final : public Store {
 public:
  struct Batch {
    std::vector<RowOp> rows;
    StoreState state;
  };

  std::unique_ptr<Snapshot> snapshot(SnapshotUse = SnapshotUse::query) override {
    const std::lock_guard lock(mutex_);
    return std::make_unique<View>(data_);
  }

  Status apply(const Bytes& batch) override {
    const auto head = read_batch_head(batch);
    if (!head.ok()) return head.error();
    const auto decoded = decode_batch_rows(batch);
    if (!decoded.ok()) return decoded.error();
    const std::vector<RowOp>& rows = decoded.value();
    const StoreState& state = head.value().state;
    std::unique_lock lock(mutex_);
    attempts_ += 1;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    if (failure_) return *failure_;
    auto next = std::make_shared<Data>(*data_);
    for (const RowOp& row : rows) {
      if (row.value) {
        next->rows[{row.table, row.key}] = *row.value;
      } else {
        next->rows.erase({row.table, row.key});
      }
    }
    next->state = state;
    data_ = std::move(next);
    batches_.push_back({rows, state});
    return Done{};
  }

  StoreUse use() override { return {}; }
  void maintain() override {}

  /// From now on `apply` waits until `release`.
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  /// From now on `apply` fails so; none: it works again.
  void fail_with(std::optional<Error> failure) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
  }
  std::uint64_t attempts() const {
    const std::lock_guard lock(mutex_);
    return attempts_;
  }
  /// Waits until `apply` has been called `count` times in all.
  void wait_for_attempts(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, count] { return attempts_ >= count; });
  }
  std::vector<Batch> batches() const {
    const std::lock_guard lock(mutex_);
    return batches_;
  }

 private:
  struct Data {
    std::map<std::pair<TableId, std::string>, Bytes> rows;
    StoreState state;
  };

  class View final : public Snapshot {
   public:
    explicit View(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

    std::optional<WordSpan> get(TableId table, std::string_view key) const override {
      const auto found = data_->rows.find({table, std::string(key)});
      if (found == data_->rows.end()) return std::nullopt;
      return found->second.words();
    }
    void scan(TableId table, std::string_view from, const Visitor& visit) const override {
      auto it = data_->rows.lower_bound({table, std::string(from)});
      for (; it != data_->rows.end() && it->first.first == table; ++it) {
        if (!visit(it->first.second, it->second.words())) return;
      }
    }
    std::optional<std::string> last_key_before(TableId table,
                                               std::string_view before) const override {
      const auto it = data_->rows.lower_bound({table, std::string(before)});
      if (it == data_->rows.begin() || std::prev(it)->first.first != table) return std::nullopt;
      return std::prev(it)->first.second;
    }
    std::uint64_t count(TableId table) const override {
      std::uint64_t rows = 0;
      for (const auto& [place, value] : data_->rows) rows += place.first == table ? 1 : 0;
      return rows;
    }
    StoreState state() const override { return data_->state; }

   private:
    std::shared_ptr<const Data> data_;
  };

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::shared_ptr<const Data> data_ = std::make_shared<Data>();
  std::vector<Batch> batches_;
  std::uint64_t attempts_ = 0;
  bool held_ = false;
  std::optional<Error> failure_;
};

/// A counter that can be waited for.
class Signal {
 public:
  void raise() {
    const std::lock_guard lock(mutex_);
    count_ += 1;
    changed_.notify_all();
  }
  void wait(std::uint64_t count = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, count] { return count_ >= count; });
  }
  std::uint64_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t count_ = 0;
};

}  // namespace troupe::test
