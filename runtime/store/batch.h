// A batch as a self-contained byte string (invariant 2): what one transaction of a shard changes.
#pragma once

#include "runtime/base/result.h"
#include "runtime/store/bytes.h"
#include "runtime/store/table.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// Where a shard stands after a batch: the meta row.
struct StoreState {
  std::uint64_t batch = 0;
  std::uint64_t sequence = 0;
  std::uint64_t last_event = 0;
  std::uint64_t numbers_reserved = 0;

  bool operator==(const StoreState&) const = default;
};

/// One change of one row: a value, or none to delete it.
struct RowOp {
  TableId table;
  std::string key;
  std::optional<Bytes> value;
};

/// Version of the data that this program writes; docs/file-format.md lists them.
inline constexpr std::uint32_t format_version = 2;

/// The batch of `rows`, which are best sorted by table and key. Copies each value once.
/// Requires keys of 8 to 504 bytes, keys and values in multiples of 8, less than 4 GiB in all.
Bytes encode_batch(const std::vector<RowOp>& rows, const StoreState& state, std::uint32_t shard);

struct BatchHead {
  std::uint32_t format = 0;
  std::uint32_t shard = 0;
  StoreState state;
  std::uint32_t rows = 0;
};

/// One row of a batch, in place.
struct RowView {
  TableId table;
  std::string_view key;
  std::optional<WordSpan> value;
};

/// Errors: `corrupt` it is no batch.
Result<BatchHead> read_batch_head(const Bytes& batch);

/// Visits the rows in their order until the visitor fails.
/// Errors: `corrupt` it is no batch, or a row breaks the rules of keys and values; the visitor's.
Status read_batch_rows(const Bytes& batch, const std::function<Status(const RowView&)>& visit);

/// The rows again, copied: for tools and tests.
Result<std::vector<RowOp>> decode_batch_rows(const Bytes& batch);

}  // namespace troupe
