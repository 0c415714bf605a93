// The few things we need to know about UTF-8.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// Number of code points; nothing if `text` is not well-formed UTF-8.
std::optional<std::size_t> utf8_length(std::string_view text);

/// Offset of the first byte that is not part of well-formed UTF-8; nothing if there is none.
std::optional<std::size_t> utf8_fault(std::string_view text);

/// `text` with U+FFFD in place of each byte that is not part of well-formed UTF-8.
std::string repaired_utf8(std::string_view text);

}  // namespace troupe
