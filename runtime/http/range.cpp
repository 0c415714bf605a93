#include "runtime/http/range.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace troupe::http {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// A number too large for us is one past any end.
std::optional<std::uint64_t> read_position(std::string_view digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  std::uint64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (read.ec == std::errc::result_out_of_range) return std::numeric_limits<std::uint64_t>::max();
  return value;
}

}  // namespace

std::variant<WholeBody, ByteRange, NoSuchRange> read_range(std::string_view value,
                                                           std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  if (!value.starts_with(unit)) return WholeBody{};
  const auto range = trimmed(value.substr(unit.size()));
  const auto dash = range.find('-');
  if (dash == std::string_view::npos) return WholeBody{};
  const auto first = trimmed(range.substr(0, dash));
  const auto last = trimmed(range.substr(dash + 1));
  const auto begin = read_position(first);
  const auto end = read_position(last);
  // A comma makes neither half a number.
  if ((!begin && !first.empty()) || (!end && !last.empty()) || (!begin && !end)) {
    return WholeBody{};
  }
  if (!begin) {
    const auto tail = std::min(*end, size);
    if (tail == 0) return NoSuchRange{};
    return ByteRange{size - tail, tail};
  }
  if (end && *end < *begin) return WholeBody{};
  if (*begin >= size) return NoSuchRange{};
  const auto left = size - *begin;
  if (!end || *end - *begin >= left) return ByteRange{*begin, left};
  return ByteRange{*begin, *end - *begin + 1};
}

}  // namespace troupe::http
