#include "runtime/base/size.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

namespace troupe {
namespace {

using Unit = std::pair<std::string_view, std::uint64_t>;

// The largest first, so that the first that divides a value is the shortest way to write it.
constexpr std::array<Unit, 4> binary_units = {{{"TiB", std::uint64_t{1} << 40},
                                               {"GiB", std::uint64_t{1} << 30},
                                               {"MiB", std::uint64_t{1} << 20},
                                               {"KiB", std::uint64_t{1} << 10}}};
constexpr std::array<Unit, 6> other_units = {{{"TB", 1'000'000'000'000},
                                              {"GB", 1'000'000'000},
                                              {"MB", 1'000'000},
                                              {"KB", 1'000},
                                              {"B", 1},
                                              {"", 1}}};

std::optional<std::uint64_t> unit_bytes(std::string_view name) {
  for (const auto& [unit, bytes] : binary_units) {
    if (unit == name) return bytes;
  }
  for (const auto& [unit, bytes] : other_units) {
    if (unit == name) return bytes;
  }
  return std::nullopt;
}

}  // namespace

std::string format_size(std::uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  const char* name = "";
  for (const char* unit : {"KiB", "MiB", "GiB", "TiB"}) {
    if (value < 1024) break;
    value /= 1024;
    name = unit;
  }
  return fmt::format("{:.1f} {}", value, name);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure != std::errc{}) return std::nullopt;
  const auto unit = unit_bytes(text.substr(static_cast<std::size_t>(end - text.data())));
  std::int64_t bytes = 0;
  if (!unit || __builtin_mul_overflow(count, *unit, &bytes)) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

std::string size_text(std::uint64_t bytes) {
  for (const auto& [unit, factor] : binary_units) {
    if (bytes != 0 && bytes % factor == 0) return fmt::format("{}{}", bytes / factor, unit);
  }
  return fmt::format("{}B", bytes);
}

}  // namespace troupe
