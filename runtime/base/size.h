// Amounts of bytes, as people write and read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// `512 B`, `1.2 GiB`.
std::string format_size(std::uint64_t bytes);

/// `64MiB`, `1GiB`, `10KB`, `512` (bytes); nothing if malformed or 2^63 bytes and more.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// The largest unit that divides it: `64MiB`, `1000B`. `parse_size` reads it back.
std::string size_text(std::uint64_t bytes);

}  // namespace troupe
