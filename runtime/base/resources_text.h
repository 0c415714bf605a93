// Amounts of what tasks use up, as text: `cpu=8,memory=16GiB,licence=2`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace troupe {

inline constexpr std::size_t resource_name_bytes_max = 100;

/// Whether something may be called so: by letters, digits, `_`, `.` and `-`.
bool is_resource_name(std::string_view name);

/// By name: `cpu` in thousandths of a processor, `memory` in bytes, others as a number of tokens.
std::string resources_text(const std::map<std::string, std::uint64_t>& amounts);

}  // namespace troupe
