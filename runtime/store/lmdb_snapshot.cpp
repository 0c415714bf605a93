#include "runtime/store/lmdb_snapshot.h"

#include "runtime/store/meta_row.h"
#include "runtime/store/split_value.h"

#include <algorithm>
#include <memory>

namespace troupe {
namespace {

// More is not set aside for a size that nobody has checked yet.
constexpr std::uint64_t assembled_words_usual = (1ULL << 20) / 8;

struct CloseCursor {
  void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); }
};
using Cursor = std::unique_ptr<MDB_cursor, CloseCursor>;

Cursor open_cursor(MDB_txn* txn, MDB_dbi handle) {
  MDB_cursor* cursor = nullptr;
  const int code = mdb_cursor_open(txn, handle, &cursor);
  TROUPE_INVARIANT(code == 0);
  return Cursor(cursor);
}

}  // namespace

// Each read begins here.
MDB_txn* LmdbSnapshot::reading() const {
  if (reader_->expired.load(std::memory_order_relaxed)) {
    throw SnapshotExpired("a snapshot of " + directory_ +
                          " was held for too long and has ended: read again from a new one");
  }
  return reader_->txn;
}

void LmdbSnapshot::damaged(const std::string& what) const {
  throw StoreDamaged(damage_text(directory_, what));
}

// 0 or MDB_NOTFOUND. Any other answer to a read means that a page is not what it should be.
int LmdbSnapshot::check(const char* what, int code) const {
  if (code != 0 && code != MDB_NOTFOUND) damaged(std::string(what) + ": " + mdb_strerror(code));
  return code;
}

// All rows are padded to words; a page that says otherwise is none of ours.
WordSpan LmdbSnapshot::words_of(const MDB_val& value) const {
  if (value.mv_size % 8 != 0 || reinterpret_cast<std::uintptr_t>(value.mv_data) % 8 != 0) {
    damaged("a row is not padded to 8 bytes");
  }
  return to_words(value);
}

std::optional<WordSpan> LmdbSnapshot::get_row(TableId table, std::string_view key) const {
  const MDB_dbi handle = handles_.find(table);
  if (handle == 0) return std::nullopt;
  MDB_val k = to_val(key);
  MDB_val v{};
  if (check("read a row", mdb_get(reading(), handle, &k, &v)) == MDB_NOTFOUND) return std::nullopt;
  return words_of(v);
}

std::optional<WordSpan> LmdbSnapshot::get(TableId table, std::string_view key) const {
  const auto row = get_row(table, key);
  if (!row || !is_split(*row)) return row;
  const SplitValue split = split_of(*row);
  const auto found = assembled_.find(split.id);
  if (found != assembled_.end()) return found->second;
  Words words;
  assemble(split, words);
  return assembled_.emplace(split.id, std::move(words)).first->second;
}

void LmdbSnapshot::scan(TableId table, std::string_view from, const Visitor& visit) const {
  const MDB_dbi handle = handles_.find(table);
  if (handle == 0) return;
  const Cursor cursor = open_cursor(reading(), handle);
  MDB_val k = to_val(from);
  MDB_val v{};
  Words assembled;
  int code = mdb_cursor_get(cursor.get(), &k, &v, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
  while (check("scan a table", code) == 0) {
    WordSpan value = words_of(v);
    if (is_split(value)) {
      assemble(split_of(value), assembled);
      value = assembled;
    }
    if (!visit(to_view(k), value)) return;
    reading();
    code = mdb_cursor_get(cursor.get(), &k, &v, MDB_NEXT);
  }
}

std::optional<std::string> LmdbSnapshot::last_key_before(TableId table,
                                                         std::string_view before) const {
  const MDB_dbi handle = handles_.find(table);
  if (handle == 0) return std::nullopt;
  const Cursor cursor = open_cursor(reading(), handle);
  MDB_val k = to_val(before);
  MDB_val v{};
  int code = check("search a table", mdb_cursor_get(cursor.get(), &k, &v, MDB_SET_RANGE));
  code = check("search a table",
               mdb_cursor_get(cursor.get(), &k, &v, code == 0 ? MDB_PREV : MDB_LAST));
  if (code != 0) return std::nullopt;
  return std::string(to_view(k));
}

std::uint64_t LmdbSnapshot::count(TableId table) const {
  const MDB_dbi handle = handles_.find(table);
  if (handle == 0) return 0;
  MDB_stat stat{};
  check("count a table", mdb_stat(reading(), handle, &stat));
  return stat.ms_entries;
}

StoreState LmdbSnapshot::state() const {
  const auto words = get_row(tables::meta.id, meta_key());
  return words ? decode_meta(*words).state : StoreState{};
}

SplitValue LmdbSnapshot::split_of(WordSpan row) const {
  const auto split = decode_split(row);
  if (!split) damaged("the row of a split value makes no sense");
  return *split;
}

void LmdbSnapshot::assemble(const SplitValue& split, Words& out) const {
  out.clear();
  out.reserve(std::min<std::uint64_t>(split.size_words, assembled_words_usual));
  for (std::uint64_t i = 0; i < split.parts(); ++i) {
    const auto part = get_row(tables::parts.id, part_key(split.id, i));
    const auto size = std::min<std::uint64_t>(split.size_words - out.size(), part_words);
    if (!part || part->size() != size) {
      damaged("part " + std::to_string(i) + " of split value " + std::to_string(split.id) +
              " is missing or of another size");
    }
    out.insert(out.end(), part->begin(), part->end());
  }
}

}  // namespace troupe
