// Amounts of bytes, for people.
#pragma once

#include <cstdint>
#include <string>

namespace troupe {

/// `512 B`, `1.2 GiB`.
std::string format_size(std::uint64_t bytes);

}  // namespace troupe
