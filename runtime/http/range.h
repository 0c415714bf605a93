// The `Range` header: which part of a body is asked for.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

namespace troupe::http {

/// A part that there is: `size` bytes, more than none, from `offset` on.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;

  bool operator==(const ByteRange&) const = default;
};

/// The whole, as no part is asked for, or not in a way that we know: several at once, another unit.
struct WholeBody {
  bool operator==(const WholeBody&) const = default;
};

/// Nothing of what is asked for is there: 416.
struct NoSuchRange {
  bool operator==(const NoSuchRange&) const = default;
};

/// `value`: of the header, empty without one. `size`: of the whole body.
std::variant<WholeBody, ByteRange, NoSuchRange> read_range(std::string_view value,
                                                           std::uint64_t size);

}  // namespace troupe::http
