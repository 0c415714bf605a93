// Points in time and spans, in milliseconds. Nothing here reads a clock: see runtime/clock.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

using Duration = std::chrono::milliseconds;

/// Milliseconds since 1970-01-01T00:00:00Z. Zero means "none" in stored rows.
struct Instant {
  std::int64_t ms = 0;

  auto operator<=>(const Instant&) const = default;
  Instant operator+(Duration d) const { return {ms + d.count()}; }
  Instant operator-(Duration d) const { return {ms - d.count()}; }
  Duration operator-(Instant other) const { return Duration{ms - other.ms}; }
  explicit operator bool() const { return ms != 0; }
};

/// `2026-01-31T08:00:00.000Z`. Of the years 0 to 9999.
std::string format_time(Instant t);

/// Reads RFC 3339 with any fraction (cut to milliseconds) and any offset; nothing if malformed.
std::optional<Instant> parse_time(std::string_view text);

/// Reads `90d`, `20m`, `5s`, `250ms`, `2h`, `1w` and sums such as `1h30m`; nothing if malformed.
std::optional<Duration> parse_duration(std::string_view text);

/// `1h 2m`, `3m 4s`, `5.2s`, `120ms`: for people.
std::string format_duration(Duration d);

/// The same day and time `years` later; 29 February becomes 1 March where there is none.
Instant add_years(Instant t, int years);

}  // namespace troupe
