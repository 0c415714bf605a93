// The file of an LMDB environment, read without LMDB, which trusts its pages: a damaged one may
// send it anywhere. Here every number is checked before it is followed.
//
// Not checked, since LMDB keeps no checksums: the bytes of values. Their owners decode them.
#pragma once

#include "runtime/base/result.h"

#include <cstdint>
#include <optional>
#include <string>

namespace troupe {

/// What the newer of the two meta pages says.
struct StoreFileHead {
  std::uint64_t page_bytes = 0;
  std::uint64_t pages = 0;  // ever taken from the map, free ones included
  std::uint64_t file_bytes = 0;
  std::uint64_t txn = 0;
  std::uint64_t free_root = 0;  // of the tree of free pages; no_page: empty
  std::uint64_t main_root = 0;  // of the tree of tables

  std::uint64_t used_bytes() const { return pages * page_bytes; }
  /// The file ends before its last page: right only if all that is missing is free.
  bool is_short() const { return file_bytes < used_bytes(); }
};

inline constexpr std::uint64_t no_page = ~0ULL;

/// The head of `directory`/data.mdb, in a time that does not depend on its size; nothing if there
/// is none yet. Errors: `corrupt` it is no store, or its head is damaged; `unavailable`.
Result<std::optional<StoreFileHead>> read_store_head(const std::string& directory);

struct StoreFileCounts {
  std::uint64_t pages = 0;       // in trees
  std::uint64_t free_pages = 0;  // to be reused
  std::uint64_t rows = 0;        // of all tables
};

/// Walks every page: links, order and sizes of keys, counts, free pages that are in use. Takes as
/// long as reading the file does. No process has the store open for writing meanwhile.
/// Errors: `corrupt` with the page; `not_found` there is no store; `unavailable`.
Result<StoreFileCounts> verify_store_file(const std::string& directory);

}  // namespace troupe
