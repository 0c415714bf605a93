#include "runtime/store/row_writer.h"

#include "runtime/store/key.h"
#include "runtime/store/split_value.h"

#include <algorithm>

namespace troupe {

RowWriter::~RowWriter() {
  if (cursor_) mdb_cursor_close(cursor_);
}

int RowWriter::move_to(TableId table) {
  if (cursor_ && table == table_) return 0;
  if (cursor_) mdb_cursor_close(cursor_);
  cursor_ = nullptr;
  table_ = table;
  return mdb_cursor_open(txn_, handles_.find(table), &cursor_);
}

int RowWriter::put(TableId table, std::string_view key, WordSpan value) {
  if (const int code = move_to(table)) return code;
  MDB_val k = to_val(key);
  MDB_val v = to_val(value);
  if (needs_split(value)) {
    MDB_val old{};
    const int found = mdb_cursor_get(cursor_, &k, &old, MDB_SET);
    if (found != 0 && found != MDB_NOTFOUND) return found;
    if (found == 0) {
      if (const int code = remove_parts_of(old)) return code;
    }
    SplitValue split;
    if (const int code = put_parts(value, split)) return code;
    const auto row = encode_split(split);
    v = to_val(WordSpan(row));
    k = to_val(key);
    return mdb_cursor_put(cursor_, &k, &v, 0);
  }
  // One search where the row is new, as most are.
  const int code = mdb_cursor_put(cursor_, &k, &v, MDB_NOOVERWRITE);
  if (code != MDB_KEYEXIST) return code;
  if (const int removed = remove_parts_of(v)) return removed;  // `v` is the old row now
  v = to_val(value);
  return mdb_cursor_put(cursor_, &k, &v, 0);
}

int RowWriter::remove(TableId table, std::string_view key) {
  if (const int code = move_to(table)) return code;
  MDB_val k = to_val(key);
  MDB_val old{};
  const int found = mdb_cursor_get(cursor_, &k, &old, MDB_SET);
  if (found == MDB_NOTFOUND) return 0;
  if (found != 0) return found;
  if (const int code = remove_parts_of(old)) return code;
  return mdb_cursor_del(cursor_, 0);
}

int RowWriter::put_parts(WordSpan value, SplitValue& split) {
  split.size_words = value.size();
  if (const int code = next_id(split.id)) return code;
  for (std::uint64_t i = 0; i < split.parts(); ++i) {
    const std::string key = part_key(split.id, i);
    MDB_val k = to_val(key);
    const auto rest = value.subspan(i * part_words);
    MDB_val v = to_val(rest.first(std::min(rest.size(), part_words)));
    if (const int code = mdb_put(txn_, handles_.find(tables::parts.id), &k, &v, MDB_NOOVERWRITE)) {
      return code == MDB_KEYEXIST ? MDB_CORRUPTED : code;
    }
  }
  return 0;
}

int RowWriter::remove_parts_of(const MDB_val& row) {
  const WordSpan words = to_words(row);
  if (!is_split(words)) return 0;
  const auto split = decode_split(words);
  if (!split) return MDB_CORRUPTED;
  for (std::uint64_t i = 0; i < split->parts(); ++i) {
    const std::string key = part_key(split->id, i);
    MDB_val k = to_val(key);
    if (const int code = mdb_del(txn_, handles_.find(tables::parts.id), &k, nullptr)) {
      return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
    }
  }
  return 0;
}

int RowWriter::next_id(std::uint64_t& id) {
  if (!last_id_) {
    MDB_cursor* cursor = nullptr;
    if (const int code = mdb_cursor_open(txn_, handles_.find(tables::parts.id), &cursor)) {
      return code;
    }
    MDB_val k{};
    MDB_val v{};
    const int code = mdb_cursor_get(cursor, &k, &v, MDB_LAST);
    last_id_ = code == 0 ? KeyReader(to_view(k)).u64() : 0;
    mdb_cursor_close(cursor);
    if (code != 0 && code != MDB_NOTFOUND) return code;
  }
  id = ++*last_id_;
  return 0;
}

}  // namespace troupe
