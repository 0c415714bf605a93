#include "runtime/base/size.h"

#include <fmt/format.h>

namespace troupe {

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

}  // namespace troupe
