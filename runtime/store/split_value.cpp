#include "runtime/store/split_value.h"

#include "runtime/base/assert.h"
#include "runtime/store/key.h"

namespace troupe {
namespace {

// The first word of a message counts its segments, less one, in its low half: this would be 2^32.
constexpr std::uint64_t marker = 0xffffffff;
constexpr std::uint64_t size_words_max = 1ULL << 32;

bool begins_as_marker(WordSpan words) {
  return !words.empty() && (words[0] & 0xffffffff) == marker;
}

}  // namespace

std::array<std::uint64_t, 3> encode_split(const SplitValue& split) {
  return {marker, split.id, split.size_words * 8};
}

bool is_split(WordSpan row) {
  return begins_as_marker(row);
}

std::optional<SplitValue> decode_split(WordSpan row) {
  TROUPE_EXPECTS(is_split(row));
  if (row.size() != 3 || row[0] != marker) return std::nullopt;
  if (row[2] % 8 != 0 || row[2] / 8 > size_words_max) return std::nullopt;
  return SplitValue{row[1], row[2] / 8};
}

bool needs_split(WordSpan value) {
  return value.size_bytes() > value_bytes_max || begins_as_marker(value);
}

std::string part_key(std::uint64_t id, std::uint64_t index) {
  return KeyWriter().u64(id).u64(index).key();
}

}  // namespace troupe
