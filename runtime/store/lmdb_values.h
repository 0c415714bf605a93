// Small bridges to LMDB's types, and its codes as our errors. For the files of this folder.
#pragma once

#include "runtime/base/assert.h"
#include "runtime/base/result.h"
#include "runtime/store/bytes.h"
#include "runtime/store/table.h"

#include <lmdb.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Thrown where stored pages make no sense: nothing that is read from them can be trusted.
class StoreDamaged : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What to say of the damaged store in `directory`: what was found, and what to do.
std::string damage_text(const std::string& directory, const std::string& found);

/// The error of LMDB's `code` while doing `what`. `busy`: full; `corrupt`: damaged.
Error lmdb_error(const std::string& what, int code);

inline MDB_val to_val(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};  // LMDB reads it only
}

inline MDB_val to_val(WordSpan words) {
  return {words.size_bytes(), const_cast<std::uint64_t*>(words.data())};
}

inline std::string_view to_view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

inline WordSpan to_words(const MDB_val& value) {
  TROUPE_INVARIANT(value.mv_size % 8 == 0);
  TROUPE_INVARIANT(reinterpret_cast<std::uintptr_t>(value.mv_data) % 8 == 0);
  return {static_cast<const std::uint64_t*>(value.mv_data), value.mv_size / 8};
}

/// LMDB's handles by table number; 0, which is LMDB's own, for a table that is not there.
class TableHandles {
 public:
  MDB_dbi find(TableId table) const {
    return table.value < handles_.size() ? handles_[table.value] : 0;
  }
  void set(TableId table, MDB_dbi handle) {
    if (handles_.size() <= table.value) handles_.resize(table.value + 1U);
    handles_[table.value] = handle;
  }

 private:
  std::vector<MDB_dbi> handles_;
};

}  // namespace troupe
