#include "apps/troupe/cli/figures.h"

#include "runtime/base/size.h"

#include <fmt/format.h>

#include <array>

namespace troupe::cli {
namespace {

struct Unit {
  const char* name;
  std::int64_t ms;
};

constexpr std::array units = {Unit{"y", 31'536'000'000}, Unit{"d", 86'400'000},
                              Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000}};

}  // namespace

std::string relative_time(Instant t, Instant now) {
  if (!t) return "-";
  const std::int64_t distance = (t - now).count();
  const std::int64_t ms = distance < 0 ? -distance : distance;
  for (const Unit& unit : units) {
    if (distance < 0 && ms >= unit.ms) return fmt::format("{}{} ago", ms / unit.ms, unit.name);
    // A hundredth short of a unit counts as one: a day from a moment ago is a day.
    if (distance > 0 && ms + unit.ms / 100 >= unit.ms) {
      return fmt::format("in {}{}", (ms + unit.ms / 2) / unit.ms, unit.name);
    }
  }
  return "now";
}

std::string elapsed(Instant start, Instant end, Instant now) {
  if (!start) return "-";
  const Duration d = (end ? end : now) - start;
  return format_duration(d.count() < 0 ? Duration{0} : d);
}

std::string format_bytes(std::int64_t bytes) {
  return bytes < 0 ? "-" : format_size(static_cast<std::uint64_t>(bytes));
}

}  // namespace troupe::cli
