// The checks of single values, the same for JSON and for messages.
#pragma once

#include "runtime/transcode/faults.h"
#include "runtime/transcode/rules.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transcode {

// Each adds what it finds to `faults`.
void check_text(const ValueRules& rules, std::string_view text, const Path& path, Faults& faults);
void check_signed(const ValueRules& rules, std::int64_t value, const Path& path, Faults& faults);
void check_unsigned(const ValueRules& rules, std::uint64_t value, const Path& path, Faults& faults);
void check_unique(const std::vector<std::string_view>& items, const Path& path, Faults& faults);

/// What to say of a number, shown as given, that is outside.
std::string out_of_range(const Bounds<std::int64_t>& bounds, std::string_view shown);
std::string out_of_range(const Bounds<std::uint64_t>& bounds, std::string_view shown);

/// Whether a list or map may have `count` entries; if not, its contents are not worth a look.
bool check_size(const ValueRules& rules, std::size_t count, const Path& path, Faults& faults);

/// The first and last millisecond that RFC 3339 can write.
constexpr std::int64_t time_ms_min = -62'167'219'200'000;
constexpr std::int64_t time_ms_max = 253'402'300'799'999;

constexpr std::string_view missing_message = "required, but missing";

}  // namespace troupe::transcode
