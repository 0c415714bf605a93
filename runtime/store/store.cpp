#include "runtime/store/store.h"

#include "runtime/base/assert.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <lmdb.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

namespace troupe {
namespace {

constexpr std::uint32_t format_version = 1;
// Address space, not disk: reserved once, since resizing would unmap pages under readers.
constexpr std::size_t map_bytes = 1ULL << 40;
constexpr unsigned readers_max = 512;
constexpr std::size_t pooled_readers_max = 64;

constexpr std::array system_tables = {tables::meta,         tables::names,     tables::inbox,
                                      tables::timers,       tables::timers_of, tables::events,
                                      tables::dead_letters, tables::outbox,    tables::channels};

std::string meta_key() {
  return KeyWriter().text("state").key();
}

MDB_val to_val(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};  // LMDB reads it only
}

std::string_view to_view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

WordSpan to_words(const MDB_val& value) {
  TROUPE_INVARIANT(value.mv_size % 8 == 0);
  TROUPE_INVARIANT(reinterpret_cast<std::uintptr_t>(value.mv_data) % 8 == 0);
  return {static_cast<const std::uint64_t*>(value.mv_data), value.mv_size / 8};
}

Error lmdb_error(const std::string& what, int code) {
  const std::string detail = what + ": " + mdb_strerror(code);
  switch (code) {
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT: return Error{Errc::busy, detail};
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND: return Error{Errc::corrupt, detail};
    default: return Error{Errc::unavailable, detail};
  }
}

// Transactions of readers are kept for reuse: beginning one anew takes a lock and a slot search.
class ReaderPool {
 public:
  explicit ReaderPool(MDB_env* env) : env_(env) {}

  MDB_txn* take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        MDB_txn* txn = idle_.back();
        idle_.pop_back();
        if (mdb_txn_renew(txn) == 0) return txn;
        mdb_txn_abort(txn);
      }
    }
    MDB_txn* txn = nullptr;
    const int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
    TROUPE_INVARIANT(code == 0);  // readers_max is far over our threads
    return txn;
  }

  void give_back(MDB_txn* txn) {
    mdb_txn_reset(txn);
    const std::lock_guard lock(mutex_);
    if (idle_.size() < pooled_readers_max) {
      idle_.push_back(txn);
    } else {
      mdb_txn_abort(txn);
    }
  }

  void close() {
    const std::lock_guard lock(mutex_);
    for (MDB_txn* txn : idle_) mdb_txn_abort(txn);
    idle_.clear();
  }

 private:
  MDB_env* env_;
  std::mutex mutex_;
  std::vector<MDB_txn*> idle_;
};

using Handles = std::vector<MDB_dbi>;  // by table number

class LmdbSnapshot final : public Snapshot {
 public:
  LmdbSnapshot(ReaderPool& pool, const Handles& handles)
      : pool_(pool), handles_(handles), txn_(pool.take()) {}
  ~LmdbSnapshot() override { pool_.give_back(txn_); }

  std::optional<WordSpan> get(TableId table, std::string_view key) const override {
    MDB_val k = to_val(key);
    MDB_val v{};
    const int code = mdb_get(txn_, handles_.at(table.value), &k, &v);
    if (code == MDB_NOTFOUND) return std::nullopt;
    TROUPE_INVARIANT(code == 0);
    return to_words(v);
  }

  void scan(TableId table, std::string_view from, const Visitor& visit) const override {
    MDB_cursor* cursor = open_cursor(table);
    MDB_val k = to_val(from);
    MDB_val v{};
    int code = from.empty() ? mdb_cursor_get(cursor, &k, &v, MDB_FIRST)
                            : mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    while (code == 0 && visit(to_view(k), to_words(v))) {
      code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    TROUPE_INVARIANT(code == 0 || code == MDB_NOTFOUND);
  }

  std::optional<std::string> last_key_before(TableId table,
                                             std::string_view before) const override {
    MDB_cursor* cursor = open_cursor(table);
    MDB_val k = to_val(before);
    MDB_val v{};
    int code = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    code = mdb_cursor_get(cursor, &k, &v, code == 0 ? MDB_PREV : MDB_LAST);
    std::optional<std::string> found;
    if (code == 0) found = std::string(to_view(k));
    mdb_cursor_close(cursor);
    return found;
  }

  std::uint64_t count(TableId table) const override {
    MDB_stat stat{};
    const int code = mdb_stat(txn_, handles_.at(table.value), &stat);
    TROUPE_INVARIANT(code == 0);
    return stat.ms_entries;
  }

  StoreState state() const override {
    const auto words = get(tables::meta.id, meta_key());
    if (!words) return {};
    Stored<schema::StoreRow> row(*words);
    const auto r = row.get();
    return {r.getBatch(), r.getSequence(), r.getLastEvent(), r.getNumbersReserved()};
  }

 private:
  MDB_cursor* open_cursor(TableId table) const {
    MDB_cursor* cursor = nullptr;
    const int code = mdb_cursor_open(txn_, handles_.at(table.value), &cursor);
    TROUPE_INVARIANT(code == 0);
    return cursor;
  }

  ReaderPool& pool_;
  const Handles& handles_;
  MDB_txn* txn_;
};

class LmdbStore final : public Store {
 public:
  LmdbStore(MDB_env* env, const StoreOptions& options)
      : env_(env), limit_bytes_(options.use_bytes_max), pool_(env) {}
  ~LmdbStore() override {
    pool_.close();
    mdb_env_close(env_);
  }

  Status open_tables(const std::vector<TableSpec>& kinds);

  std::unique_ptr<Snapshot> snapshot() override {
    return std::make_unique<LmdbSnapshot>(pool_, handles_);
  }

  Status apply(const std::vector<RowOp>& rows, const StoreState& state) override {
    if (use().used_bytes > limit_bytes_) {
      return Error{Errc::busy, "the store is full: store.map_size is reached"};
    }
    MDB_txn* txn = nullptr;
    int code = mdb_txn_begin(env_, nullptr, 0, &txn);
    if (code != 0) return lmdb_error("begin a transaction", code);
    code = write(txn, rows, state);
    if (code != 0) {
      mdb_txn_abort(txn);
      return lmdb_error("write rows", code);
    }
    code = mdb_txn_commit(txn);  // syncs
    if (code != 0) return lmdb_error("commit", code);
    return Done{};
  }

  StoreUse use() override {
    MDB_envinfo info{};
    MDB_stat stat{};
    mdb_env_info(env_, &info);
    mdb_env_stat(env_, &stat);
    const auto used = (info.me_last_pgno + 1) * stat.ms_psize;
    return {used, limit_bytes_, used + (64ULL << 20) > limit_bytes_};
  }

 private:
  int write(MDB_txn* txn, const std::vector<RowOp>& rows, const StoreState& state) {
    for (const RowOp& row : rows) {
      MDB_val k = to_val(row.key);
      if (row.value) {
        const auto words = row.value->words();
        MDB_val v{words.size_bytes(), const_cast<std::uint64_t*>(words.data())};
        if (const int code = mdb_put(txn, handles_.at(row.table.value), &k, &v, 0)) return code;
      } else {
        const int code = mdb_del(txn, handles_.at(row.table.value), &k, nullptr);
        if (code != 0 && code != MDB_NOTFOUND) return code;
      }
    }
    return write_state(txn, state);
  }

  int write_state(MDB_txn* txn, const StoreState& state) {
    capnp::MallocMessageBuilder message;
    auto row = message.initRoot<schema::StoreRow>();
    row.setFormat(format_version);
    row.setBatch(state.batch);
    row.setSequence(state.sequence);
    row.setLastEvent(state.last_event);
    row.setNumbersReserved(state.numbers_reserved);
    row.setShards(1);
    const Bytes bytes = to_bytes(message);
    const std::string key = meta_key();
    MDB_val k = to_val(key);
    MDB_val v{bytes.size_bytes(), const_cast<std::uint64_t*>(bytes.words().data())};
    return mdb_put(txn, handles_.at(tables::meta.id.value), &k, &v, 0);
  }

  // Constant after open.
  MDB_env* env_;
  std::uint64_t limit_bytes_;
  Handles handles_;

  ReaderPool pool_;
};

Status LmdbStore::open_tables(const std::vector<TableSpec>& kinds) {
  std::vector<TableSpec> all(system_tables.begin(), system_tables.end());
  all.insert(all.end(), kinds.begin(), kinds.end());
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (code != 0) return lmdb_error("begin a transaction", code);
  for (const TableSpec& table : all) {
    if (handles_.size() <= table.id.value) handles_.resize(table.id.value + 1U);
    code = mdb_dbi_open(txn, table.name, MDB_CREATE, &handles_[table.id.value]);
    if (code != 0) {
      mdb_txn_abort(txn);
      return lmdb_error(std::string("open table ") + table.name, code);
    }
  }
  code = mdb_txn_commit(txn);
  if (code != 0) return lmdb_error("create the tables", code);

  const auto view = snapshot();
  const auto words = view->get(tables::meta.id, meta_key());
  if (!words) return Done{};
  Stored<schema::StoreRow> row(*words);
  if (row.get().getFormat() != format_version) {
    return Error{Errc::corrupt, "the store has format " + std::to_string(row.get().getFormat()) +
                                    ", this program reads format " +
                                    std::to_string(format_version)};
  }
  return Done{};
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
  if (mkdir(options.directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error{Errc::unavailable,
                 "cannot create " + options.directory + ": " + std::strerror(errno)};
  }
  MDB_env* env = nullptr;
  int code = mdb_env_create(&env);
  if (code != 0) return lmdb_error("create the environment", code);
  mdb_env_set_mapsize(env, map_bytes);
  mdb_env_set_maxreaders(env, readers_max);
  mdb_env_set_maxdbs(env, 64);
  // NOTLS: snapshots move between threads of a pool. NORDAHEAD: reads are scattered.
  const unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (options.sync ? 0U : unsigned{MDB_NOSYNC});
  code = mdb_env_open(env, options.directory.c_str(), flags, 0600);
  if (code != 0) {
    mdb_env_close(env);
    return lmdb_error("open the store in " + options.directory, code);
  }
  int dead = 0;
  mdb_reader_check(env, &dead);  // slots of a process that was killed

  auto store = std::make_unique<LmdbStore>(env, options);
  if (auto opened = store->open_tables(options.tables); !opened.ok()) return opened.error();
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace troupe
