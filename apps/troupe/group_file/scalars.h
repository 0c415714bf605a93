// YAML 1.2's core schema: what a plain scalar means, and how its number is written in JSON.
#pragma once

#include "apps/troupe/group_file/value.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::group_file {

/// Null, boolean, number or text. `.inf` and `.nan`, which JSON lacks, are text.
Value::Kind plain_scalar_kind(std::string_view text);

/// A number of the core schema (`+5`, `0x1F`, `1.`, `.5`) as JSON writes it; no digit is lost.
/// Requires plain_scalar_kind(text) == number.
std::string json_number(std::string_view text);

/// The value of a decimal, octal or hexadecimal integer that fits 64 bits.
std::optional<std::int64_t> integer_of(const Value& value);

}  // namespace troupe::group_file
