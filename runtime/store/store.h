// One LMDB environment: typed tables, snapshots for readers, batches for the one writer.
//
//   DIRECTORY/data.mdb, lock.mdb   LMDB's
//   DIRECTORY/reserve              room on the file system for when there is none (invariant 11)
//
// Threads: `apply` from the committer alone, the rest from any. Every transaction is synced (never
// NOSYNC, NOMETASYNC, WRITEMAP or MAPASYNC), unless `sync` is off for trials.
#pragma once

#include "runtime/base/result.h"
#include "runtime/base/time.h"
#include "runtime/store/batch.h"
#include "runtime/store/bytes.h"
#include "runtime/store/table.h"

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

class Clock;

/// What to do with data of an older version. Newer data is always refused.
enum class UpgradeMode : std::uint8_t {
  no,       // refuse it
  yes,      // bring it to this version, in one transaction
  dry_run,  // report the steps; what is opened is as it was, and `apply` is refused
};

struct StoreHooks {
  /// LMDB found its pages damaged and cannot go on: end the process, saying why.
  std::function<void(const std::string& why)> fatal;
  /// A line for the log: `reserve_made`, `reserve_given_up`, `snapshot_old`, `upgrade_step`.
  std::function<void(const std::string& event, const std::string& detail)> report;
};

struct StoreOptions {
  std::string directory;                      // created if absent
  std::vector<TableSpec> tables;              // of the kinds; the runtime's own come on top
  std::uint64_t use_bytes_max = 64ULL << 30;  // `store.map_size`: LMDB's map, fixed while open
  std::uint64_t reserve_bytes = 64ULL << 20;  // of file and map; 0 for none
  std::uint64_t disk_free_least = 0;  // `disk.reserve`: with fewer bytes free, `low` is told
  std::uint32_t shard = 0;            // both fixed when the data is made
  std::uint32_t shards = 1;
  std::uint32_t readers_max = 512;  // snapshots at one time
  Duration reader_age_max{60'000};  // older ones are reported, and refused at their next read
  UpgradeMode upgrade = UpgradeMode::yes;
  bool verify = false;  // walk every page first; takes as long as reading the file
  bool sync = true;
  const Clock* clock = nullptr;  // borrowed; the system's if none
  StoreHooks hooks;
};

/// What is on disk at one moment. Values are read in place, 8-aligned, and live as long as the
/// snapshot; of a scan, until the visitor returns. Hold it briefly, since it keeps freed pages from
/// reuse. Used by one thread at a time. Reads throw StoreDamaged (lmdb_values.h) where pages make
/// no sense, and SnapshotExpired once it has been held for longer than `reader_age_max`, as far as
/// `Store::maintain` has seen it; a scan that is under way, too.
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

/// What a snapshot is for.
enum class SnapshotUse : unsigned char {
  query,   // short: refused to go on once it is older than `reader_age_max`
  backup,  // the one long reader
};

/// A read of a snapshot that was held for too long: what it pins keeps the store growing. Let it go
/// and begin anew with a fresh one.
class SnapshotExpired : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct StoreUse {
  std::uint64_t used_bytes = 0;       // pages in use; free ones are not
  std::uint64_t limit_bytes = 0;      // `store.map_size`
  std::uint64_t file_bytes = 0;       // of data.mdb, which never shrinks
  std::uint64_t disk_free_bytes = 0;  // beside the reserve file
  bool low = false;                   // the map or the disk has less left than its reserve
  std::size_t readers = 0;            // snapshots that are open
  Duration oldest_reader{0};          // age of the oldest one
};

class Store {
 public:
  virtual ~Store() = default;

  /// Opens or creates the environment. The caller sees to it that no other process has it open for
  /// writing. Its time does not depend on the number of rows, unless `verify` asks for it or a
  /// crash left the file short of pages that must be seen to be free.
  /// Errors: `corrupt` damaged, or no store; `conflict` data of a newer version or, unless
  /// `upgrade`, an older one, or of another shard; `invalid` a map smaller than what is in use;
  /// `not_found` a dry run without data; `unavailable` no space, no permission.
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options);

  /// Throws std::runtime_error if `readers_max` are open.
  virtual std::unique_ptr<Snapshot> snapshot(SnapshotUse use = SnapshotUse::query) = 0;

  /// Writes a batch (see batch.h) in one synced transaction, or nothing of it.
  /// Errors: `busy` the disk or the map is full: the same batch may be tried again, and what was in
  /// reserve on the disk has been given up for it. `invalid` or `corrupt`: it is not a batch of
  /// this shard and version. Any other error means that the disk can no longer be trusted.
  virtual Status apply(const Bytes& batch) = 0;

  /// Some microseconds for each table.
  virtual StoreUse use() = 0;

  /// To be called each second or so: frees the slots of dead readers, ends old snapshots at their
  /// next read and reports them, makes the reserve again when there is room. Cheap.
  virtual void maintain() = 0;
};

}  // namespace troupe
