// One LMDB environment: typed tables, snapshots for readers, batches for the one writer.
//
// Threads: `snapshot` from any thread; `apply` from the committer alone. Every transaction is
// synced (never NOSYNC, NOMETASYNC, WRITEMAP or MAPASYNC), unless `sync` is off for trials.
#pragma once

#include "runtime/base/result.h"
#include "runtime/store/bytes.h"
#include "runtime/store/table.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

struct StoreOptions {
  std::string directory;                      // created if absent
  std::vector<TableSpec> tables;              // of the kinds; the runtime's own come on top
  std::uint64_t use_bytes_max = 64ULL << 30;  // `store.map_size`; more is "full"
  bool sync = true;
};

/// What the store's meta row says.
struct StoreState {
  std::uint64_t batch = 0;
  std::uint64_t sequence = 0;
  std::uint64_t last_event = 0;
  std::uint64_t numbers_reserved = 0;
};

/// One change of one row: a value, or none to delete it.
struct RowOp {
  TableId table;
  std::string key;
  std::optional<Bytes> value;
};

/// What is on disk at one moment. Values are read in place and live as long as the snapshot; hold
/// it briefly, since it keeps freed pages from reuse.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual std::optional<WordSpan> get(TableId table, std::string_view key) const = 0;
  /// Visits rows with `key >= from` in order until the visitor says false.
  using Visitor = std::function<bool(std::string_view key, WordSpan value)>;
  virtual void scan(TableId table, std::string_view from, const Visitor& visit) const = 0;
  /// The last row with `key < before`, or nothing.
  virtual std::optional<std::string> last_key_before(TableId table,
                                                     std::string_view before) const = 0;
  virtual std::uint64_t count(TableId table) const = 0;
  virtual StoreState state() const = 0;
};

struct StoreUse {
  std::uint64_t used_bytes = 0;
  std::uint64_t limit_bytes = 0;
  bool low = false;  // the reserve is all that is left
};

class Store {
 public:
  virtual ~Store() = default;

  /// Opens or creates the environment. The caller sees to it that no other process has it open for
  /// writing.
  /// Errors: `corrupt` another format or damaged; `unavailable`
  /// no space, no permission.
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options);

  virtual std::unique_ptr<Snapshot> snapshot() = 0;

  /// Writes all of `rows` and `state` in one synced transaction, or nothing.
  /// Errors: `busy` the disk or the map is full: the same batch may be tried again. Any other error
  /// means that the disk can no longer be trusted.
  virtual Status apply(const std::vector<RowOp>& rows, const StoreState& state) = 0;

  virtual StoreUse use() = 0;
};

}  // namespace troupe
