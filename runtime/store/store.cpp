#include "runtime/store/store.h"

#include "runtime/clock/clock.h"
#include "runtime/store/lmdb_snapshot.h"
#include "runtime/store/lmdb_values.h"
#include "runtime/store/map_fault.h"
#include "runtime/store/meta_row.h"
#include "runtime/store/reader_pool.h"
#include "runtime/store/reserve_file.h"
#include "runtime/store/row_writer.h"
#include "runtime/store/store_file.h"
#include "runtime/store/upgrade.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace troupe {
namespace {

constexpr unsigned tables_max = 64;
constexpr std::uint64_t meta_pages = 2;
constexpr MDB_dbi free_tree = 0;
constexpr MDB_dbi main_tree = 1;
// LMDB says EIO when the disk was full in the middle of a write. Then about nothing is left.
constexpr std::uint64_t disk_full_bytes = 1ULL << 20;

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::uint64_t file_bytes(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

// LMDB wants whole pages.
std::uint64_t map_bytes(const StoreOptions& options) {
  constexpr std::uint64_t page = 4096;
  return options.use_bytes_max / page * page;
}

// A write transaction that is aborted unless it was committed.
class WriteTxn {
 public:
  explicit WriteTxn(MDB_env* env) : begun_(mdb_txn_begin(env, nullptr, 0, &txn_)) {}
  ~WriteTxn() {
    if (txn_) mdb_txn_abort(txn_);
  }
  WriteTxn(const WriteTxn&) = delete;
  WriteTxn& operator=(const WriteTxn&) = delete;

  int begun() const { return begun_; }
  MDB_txn* get() const { return txn_; }
  int commit() { return mdb_txn_commit(std::exchange(txn_, nullptr)); }

 private:
  MDB_txn* txn_ = nullptr;
  int begun_;
};

class LmdbStore final : public Store {
 public:
  LmdbStore(MDB_env* env, const StoreOptions& options)
      : env_(env),
        options_(options),
        data_path_(options.directory + "/data.mdb"),
        map_bytes_(map_bytes(options)),
        pool_(env, options.clock ? *options.clock : system_clock()),
        reserve_(options.directory + "/reserve", options.reserve_bytes),
        fault_notice_(data_path_,
                      damage_text(options.directory,
                                  "a page leads out of it, or the "
                                  "disk cannot be read") +
                          "\n") {
    mdb_env_set_userctx(env_, this);
    mdb_env_set_assert(env_, on_assert);
  }
  ~LmdbStore() override {
    pool_.close();
    mdb_env_close(env_);
  }
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;

  /// Once, before all else: versions, shards, tables.
  Status prepare();

  std::unique_ptr<Snapshot> snapshot(SnapshotUse use) override {
    return std::make_unique<LmdbSnapshot>(pool_, use, handles_, options_.directory);
  }
  Status apply(const Bytes& batch) override;
  StoreUse use() override;
  void maintain() override;

 private:
  Status rehearse();
  Result<std::optional<MetaRow>> read_meta(MDB_txn* txn) const;
  int write_meta(MDB_txn* txn, const StoreState& state) const;
  Status check_place(const MetaRow& meta) const;
  Status upgrade(MDB_txn* txn, const MetaRow& meta);
  Status open_tables(MDB_txn* txn, unsigned flags);
  Status write_rows(MDB_txn* txn, const Bytes& batch);
  Error write_failed(const char* what, int code);
  std::uint64_t pages_in_use();
  void report(const char* event, const std::string& detail) const {
    if (options_.hooks.report) options_.hooks.report(event, detail);
  }
  void report_reserve(const char* event) const {
    report(event, std::to_string(options_.reserve_bytes) + " bytes in " + options_.directory);
  }
  static void on_assert(MDB_env* env, const char* what);

  // Constant after `prepare`.
  MDB_env* env_;
  const StoreOptions options_;
  const std::string data_path_;
  const std::uint64_t map_bytes_;
  TableHandles handles_;
  std::vector<MDB_dbi> trees_ = {free_tree, main_tree};  // LMDB's own, and the tables
  bool writable_ = true;

  ReaderPool pool_;
  ReserveFile reserve_;
  MapFaultNotice fault_notice_;
};

// LMDB aborts when this comes back: its locks and pages are in no state to go on with.
void LmdbStore::on_assert(MDB_env* env, const char* what) {
  const auto* self = static_cast<const LmdbStore*>(mdb_env_get_userctx(env));
  const std::string why = damage_text(self->options_.directory, what);
  if (self->options_.hooks.fatal) self->options_.hooks.fatal(why);
}

Status LmdbStore::prepare() {
  const bool dry_run = options_.upgrade == UpgradeMode::dry_run;
  if (dry_run) {
    if (auto rehearsed = rehearse(); !rehearsed.ok()) return rehearsed;
    writable_ = false;
  }
  WriteTxn txn(env_);
  if (txn.begun() != 0) return lmdb_error("begin a transaction", txn.begun());
  const auto meta = read_meta(txn.get());
  if (!meta.ok()) return meta.error();
  const bool fresh = !meta.value();
  const bool older = !fresh && meta.value()->format != format_version;
  if (!fresh && !dry_run) {
    if (auto upgraded = upgrade(txn.get(), *meta.value()); !upgraded.ok()) return upgraded;
  }
  if (auto opened = open_tables(txn.get(), dry_run ? 0 : MDB_CREATE); !opened.ok()) return opened;
  if ((fresh || older) && !dry_run) {
    const StoreState state = fresh ? StoreState{} : meta.value()->state;
    if (const int code = write_meta(txn.get(), state)) return lmdb_error("write meta", code);
  }
  if (const int code = txn.commit()) return lmdb_error("create the tables", code);
  if (!dry_run && reserve_.make_if_room()) report_reserve("reserve_made");
  return Done{};
}

// Runs the steps in a transaction that is then aborted.
Status LmdbStore::rehearse() {
  WriteTxn txn(env_);
  if (txn.begun() != 0) return lmdb_error("begin a transaction", txn.begun());
  const auto meta = read_meta(txn.get());
  if (!meta.ok()) return meta.error();
  if (!meta.value()) return Done{};
  return upgrade(txn.get(), *meta.value());
}

// Nothing if the store is new.
Result<std::optional<MetaRow>> LmdbStore::read_meta(MDB_txn* txn) const {
  MDB_dbi handle = 0;
  int code = mdb_dbi_open(txn, tables::meta.name, 0, &handle);
  if (code == MDB_NOTFOUND) {
    MDB_stat stat{};
    code = mdb_stat(txn, main_tree, &stat);
    if (code != 0) return lmdb_error("read the tables", code);
    if (stat.ms_entries == 0) return std::optional<MetaRow>();
    return Error{
        Errc::corrupt,
        damage_text(options_.directory, "it has no table `meta`, unless it is another program's")};
  }
  if (code != 0) return lmdb_error("open the table meta", code);
  MDB_val k = to_val(meta_key());
  MDB_val v{};
  code = mdb_get(txn, handle, &k, &v);
  if (code == MDB_NOTFOUND) return std::optional<MetaRow>();
  if (code != 0) return lmdb_error("read the meta row", code);
  try {
    return std::optional(decode_meta(to_words(v)));
  } catch (const std::exception& e) {
    return Error{Errc::corrupt, damage_text(options_.directory, "its meta row does not decode")};
  }
}

int LmdbStore::write_meta(MDB_txn* txn, const StoreState& state) const {
  const Bytes row = encode_meta({format_version, options_.shard, options_.shards, state});
  MDB_val k = to_val(meta_key());
  MDB_val v = to_val(row.words());
  return mdb_put(txn, handles_.find(tables::meta.id), &k, &v, 0);
}

Status LmdbStore::check_place(const MetaRow& meta) const {
  if (meta.shard == options_.shard && meta.shards == options_.shards) return Done{};
  const auto place = [](std::uint32_t shard, std::uint32_t shards) {
    return "shard " + std::to_string(shard) + " of " + std::to_string(shards);
  };
  return Error{Errc::conflict, "the data in " + options_.directory + " is " +
                                   place(meta.shard, meta.shards) + ", not " +
                                   place(options_.shard, options_.shards) +
                                   ": the number of shards is fixed when data is made; set "
                                   "store.shards to " +
                                   std::to_string(meta.shards)};
}

Status LmdbStore::upgrade(MDB_txn* txn, const MetaRow& meta) {
  const std::string versions = "the data in " + options_.directory + " has version " +
                               std::to_string(meta.format) + ", this program reads version " +
                               std::to_string(format_version);
  if (meta.format > format_version) {
    return Error{Errc::conflict, versions + ": start a newer program"};
  }
  if (auto placed = check_place(meta); !placed.ok()) return placed;
  if (meta.format == format_version) return Done{};
  if (options_.upgrade == UpgradeMode::no) {
    return Error{Errc::conflict, versions + ": run `troupe upgrade`"};
  }
  const auto done = [this](const UpgradeStep& step, std::uint64_t rows) {
    report("upgrade_step", options_.directory + ": version " + std::to_string(step.from) + " to " +
                               std::to_string(step.from + 1) + ": " + step.what +
                               "; rows changed: " + std::to_string(rows));
  };
  return upgrade_data(txn, meta.format, upgrade_steps(), done);
}

Status LmdbStore::open_tables(MDB_txn* txn, unsigned flags) {
  std::vector<TableSpec> all(tables::system.begin(), tables::system.end());
  all.insert(all.end(), options_.tables.begin(), options_.tables.end());
  for (const TableSpec& table : all) {
    MDB_dbi handle = 0;
    const int code = mdb_dbi_open(txn, table.name, flags, &handle);
    if (code == MDB_NOTFOUND && flags == 0) continue;  // not yet there in older data
    if (code != 0) return lmdb_error(std::string("open the table ") + table.name, code);
    handles_.set(table.id, handle);
    trees_.push_back(handle);
  }
  return Done{};
}

Status LmdbStore::apply(const Bytes& batch) {
  const auto head = read_batch_head(batch);
  if (!head.ok()) return head.error();
  if (!writable_)
    return Error{Errc::conflict, "the store is open for a dry run: nothing is written"};
  if (head.value().format != format_version || head.value().shard != options_.shard) {
    return Error{Errc::invalid, "a batch of version " + std::to_string(head.value().format) +
                                    " for shard " + std::to_string(head.value().shard) +
                                    ", where data has version " + std::to_string(format_version) +
                                    " and shard " + std::to_string(options_.shard)};
  }
  WriteTxn txn(env_);
  if (txn.begun() != 0) return write_failed("begin a transaction", txn.begun());
  if (auto written = write_rows(txn.get(), batch); !written.ok()) return written;
  if (const int code = write_meta(txn.get(), head.value().state)) {
    return write_failed("write the meta row", code);
  }
  if (const int code = txn.commit()) return write_failed("commit", code);  // syncs
  return Done{};
}

Status LmdbStore::write_rows(MDB_txn* txn, const Bytes& batch) {
  RowWriter writer(txn, handles_);
  return read_batch_rows(batch, [this, &writer](const RowView& row) -> Status {
    const bool own = row.table == tables::meta.id || row.table == tables::parts.id;
    if (own || handles_.find(row.table) == 0) {
      return Error{Errc::invalid, "a batch names table " + std::to_string(row.table.value) +
                                      (own ? ", which is the store's own" : ", which is unknown")};
    }
    const int code =
        row.value ? writer.put(row.table, row.key, *row.value) : writer.remove(row.table, row.key);
    if (code != 0) return write_failed("write rows", code);
    return Done{};
  });
}

// Full, and to be tried again; or a disk that cannot be trusted.
Error LmdbStore::write_failed(const char* what, int code) {
  if (code == MDB_MAP_FULL) {
    const auto readers = pool_.stats();
    return Error{Errc::busy, "the store is full: store.map_size (" + std::to_string(map_bytes_) +
                                 " bytes) is reached; the oldest of " +
                                 std::to_string(readers.readers) + " snapshots is " +
                                 format_duration(readers.oldest_age) + " old"};
  }
  // A write that the full disk cut short is EIO to LMDB, as is a disk that fails.
  const bool cut_short = code == EIO && disk_free_bytes(data_path_) < disk_full_bytes;
  if (code == ENOSPC || code == EDQUOT || cut_short) {
    if (reserve_.give_up()) report_reserve("reserve_given_up");
    return Error{Errc::busy, "the disk under " + options_.directory + " is full"};
  }
  Error error = lmdb_error(what, code);
  if (error.code == Errc::corrupt)
    return {error.code, damage_text(options_.directory, error.detail)};
  error.detail += " (in " + options_.directory + "): what is on the disk is not certain any more";
  return error;
}

StoreUse LmdbStore::use() {
  StoreUse use;
  const ReaderStats readers = pool_.stats();
  use.readers = readers.readers;
  use.oldest_reader = readers.oldest_age;

  MDB_stat stat{};
  mdb_env_stat(env_, &stat);
  use.limit_bytes = map_bytes_;
  use.used_bytes = pages_in_use() * stat.ms_psize;
  use.file_bytes = file_bytes(data_path_);
  use.disk_free_bytes = disk_free_bytes(data_path_);
  const auto map_left = use.limit_bytes - std::min(use.limit_bytes, use.used_bytes);
  const auto disk_least = std::max(options_.reserve_bytes, options_.disk_free_least);
  use.low = map_left < options_.reserve_bytes || use.disk_free_bytes < disk_least;
  return use;
}

// What all trees say of themselves: the rest of the map is free, or never used. Exact, and quick:
// the list of free pages need not be read.
std::uint64_t LmdbStore::pages_in_use() {
  std::uint64_t pages = meta_pages;
  try {
    const LmdbSnapshot view(pool_, SnapshotUse::query, handles_, options_.directory);
    for (const MDB_dbi tree : trees_) {
      MDB_stat stat{};
      if (mdb_stat(view.txn(), tree, &stat) != 0) continue;
      pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    }
    return pages;
  } catch (const std::runtime_error&) {
    // No slot is free: all pages that were ever used, then.
    MDB_envinfo info{};
    mdb_env_info(env_, &info);
    return info.me_last_pgno + 1;
  }
}

void LmdbStore::maintain() {
  int dead = 0;
  mdb_reader_check(env_, &dead);  // slots of a process that was killed
  pool_.expire_older_than(options_.reader_age_max, [this](Duration age) {
    report("snapshot_old", "a snapshot of " + options_.directory + " is open for " +
                               format_duration(age) + ": pages freed since cannot be used again");
  });
  if (writable_ && reserve_.make_if_room()) report_reserve("reserve_made");
}

Result<MDB_env*> open_environment(const StoreOptions& options) {
  MDB_env* env = nullptr;
  if (const int code = mdb_env_create(&env)) return lmdb_error("create the environment", code);
  mdb_env_set_mapsize(env, map_bytes(options));
  mdb_env_set_maxreaders(env, options.readers_max);
  mdb_env_set_maxdbs(env, tables_max);
  // NOTLS: snapshots move between threads of a pool. NORDAHEAD: reads are scattered.
  const unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (options.sync ? 0U : unsigned{MDB_NOSYNC});
  if (const int code = mdb_env_open(env, options.directory.c_str(), flags, 0600)) {
    mdb_env_close(env);
    return lmdb_error("open the store in " + options.directory, code);
  }
  int dead = 0;
  mdb_reader_check(env, &dead);
  return env;
}

// What must hold before LMDB maps the file: it would follow wrong numbers out of it.
Status check_file(const StoreOptions& options) {
  const auto head = read_store_head(options.directory);
  if (!head.ok()) return head.error();
  if (!head.value()) {
    if (options.upgrade != UpgradeMode::dry_run) return Done{};
    return Error{Errc::not_found, "there is no store in " + options.directory};
  }
  if (head.value()->used_bytes() > map_bytes(options)) {
    return Error{Errc::invalid, "store.map_size is " + std::to_string(map_bytes(options)) +
                                    " bytes, but the store in " + options.directory + " takes " +
                                    std::to_string(head.value()->used_bytes()) +
                                    " bytes: give it more"};
  }
  // Cut short, unless the end is all free pages: LMDB does not write those.
  if (options.verify || head.value()->is_short()) {
    if (const auto sound = verify_store_file(options.directory); !sound.ok()) return sound.error();
  }
  return Done{};
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
  const bool make = options.upgrade != UpgradeMode::dry_run;
  if (make && mkdir(options.directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error{Errc::unavailable, "cannot create " + options.directory + ": " +
                                        std::generic_category().message(errno)};
  }
  if (auto checked = check_file(options); !checked.ok()) return checked.error();
  const auto env = open_environment(options);
  if (!env.ok()) return env.error();
  auto store = std::make_unique<LmdbStore>(env.value(), options);
  if (auto prepared = store->prepare(); !prepared.ok()) {
    Error error = prepared.error();
    const bool said = error.detail.find(options.directory) != std::string::npos;
    if (error.code == Errc::corrupt && !said) {
      error.detail = damage_text(options.directory, error.detail);
    }
    return error;
  }
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace troupe
