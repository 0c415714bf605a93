// Values over 16,000 bytes (invariant 10): their row holds a marker, their bytes are parts in a
// table of their own, so that no value needs more than four pages in a row and a long life of puts
// and deletes does not leave a map without a gap that is long enough.
//
//   row    key           -> marker: 0xffffffff (no Cap'n Proto message begins so), id, size
//   parts  (id, index)   -> 16,000 bytes each, the last may be shorter
//
// Ids rise: the parts of one value are neighbours. Whoever overwrites or deletes the row deletes
// the parts in the same transaction.
#pragma once

#include "runtime/store/bytes.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace troupe {

inline constexpr std::size_t value_bytes_max = 16'000;  // in one row
inline constexpr std::size_t part_words = value_bytes_max / 8;

/// What a split value's row holds.
struct SplitValue {
  std::uint64_t id = 0;
  std::uint64_t size_words = 0;

  std::uint64_t parts() const { return (size_words + part_words - 1) / part_words; }
};

/// The marker's words.
std::array<std::uint64_t, 3> encode_split(const SplitValue& split);

/// Whether a stored row is a marker. Requires a row as stored, not a value as given.
bool is_split(WordSpan row);

/// Requires is_split. Nothing if the rest of the marker makes no sense.
std::optional<SplitValue> decode_split(WordSpan row);

/// Whether this value is to be split: it is long, or could be taken for a marker.
bool needs_split(WordSpan value);

std::string part_key(std::uint64_t id, std::uint64_t index);

}  // namespace troupe
