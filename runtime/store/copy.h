// Copies what a snapshot sees into a new store, at a pace that others set.
#pragma once

#include "runtime/store/store.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace troupe {

/// Called before each piece is written, with its size: it may wait, and an Error ends the copy.
struct CopiedPiece {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};
using CopyPace = std::function<Status(const CopiedPiece&)>;

/// Copies the rows of the runtime's own tables and of `kinds` into `to`, which is empty, and last
/// the store's state. Errors: those of `pace` and of `to`; then `to` is of no use.
Status copy_store(const Snapshot& from,
                  std::uint32_t shard,
                  const std::vector<TableSpec>& kinds,
                  Store& to,
                  const CopyPace& pace);

}  // namespace troupe
