#include "runtime/base/time.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace troupe {
namespace {

using std::chrono::sys_days;
using std::chrono::year_month_day;

// Reads exactly `width` digits at `pos`.
std::optional<int> digits(std::string_view text, std::size_t& pos, std::size_t width) {
  if (pos + width > text.size()) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const char c = text[pos + i];
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  pos += width;
  return value;
}

bool literal(std::string_view text, std::size_t& pos, std::string_view any_of) {
  if (pos >= text.size() || any_of.find(text[pos]) == std::string_view::npos) return false;
  ++pos;
  return true;
}

// The fraction after the seconds, cut to milliseconds.
std::optional<int> fraction_ms(std::string_view text, std::size_t& pos) {
  if (!literal(text, pos, ".")) return 0;
  int ms = 0;
  int seen = 0;
  while (pos < text.size() && text[pos] >= '0' && text[pos] <= '9') {
    if (seen < 3) ms = ms * 10 + (text[pos] - '0');
    ++seen;
    ++pos;
  }
  if (seen == 0) return std::nullopt;
  for (; seen < 3; ++seen) ms *= 10;
  return ms;
}

// `Z`, `+hh:mm`, `+hhmm` or `+hh`, in minutes; nothing at all is UTC.
std::optional<int> offset_minutes(std::string_view text, std::size_t& pos) {
  if (pos == text.size() || literal(text, pos, "Zz")) return 0;
  const int sign = text[pos] == '-' ? -1 : 1;
  if (!literal(text, pos, "+-")) return std::nullopt;
  const auto hours = digits(text, pos, 2);
  if (!hours) return std::nullopt;
  const bool colon = literal(text, pos, ":");
  const auto minutes = !colon && pos == text.size() ? std::optional<int>(0) : digits(text, pos, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

// Writes the last `width` decimal digits of a number.
void put_digits(std::string& text, std::size_t pos, std::size_t width, std::int64_t number) {
  for (std::size_t i = width; i > 0; --i, number /= 10) {
    text[pos + i - 1] = static_cast<char>('0' + number % 10);
  }
}

std::optional<std::int64_t> unit_ms(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit == "s") return 1'000;
  if (unit == "m") return 60'000;
  if (unit == "h") return 3'600'000;
  if (unit == "d") return 86'400'000;
  if (unit == "w") return 604'800'000;
  return std::nullopt;
}

}  // namespace

std::string format_time(Instant t) {
  const std::chrono::sys_time<Duration> point{Duration{t.ms}};
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const year_month_day date{day};
  const std::chrono::hh_mm_ss<Duration> clock{point - day};
  // Answers are full of times: this takes a tenth of what a formatter does.
  std::string text = "0000-00-00T00:00:00.000Z";
  put_digits(text, 0, 4, static_cast<int>(date.year()));
  put_digits(text, 5, 2, static_cast<unsigned>(date.month()));
  put_digits(text, 8, 2, static_cast<unsigned>(date.day()));
  put_digits(text, 11, 2, clock.hours().count());
  put_digits(text, 14, 2, clock.minutes().count());
  put_digits(text, 17, 2, clock.seconds().count());
  put_digits(text, 20, 3, clock.subseconds().count());
  return text;
}

std::optional<Instant> parse_time(std::string_view text) {
  std::size_t pos = 0;
  const auto year = digits(text, pos, 4);
  if (!year || !literal(text, pos, "-")) return std::nullopt;
  const auto month = digits(text, pos, 2);
  if (!month || !literal(text, pos, "-")) return std::nullopt;
  const auto day = digits(text, pos, 2);
  if (!day || !literal(text, pos, "Tt ")) return std::nullopt;
  const auto hour = digits(text, pos, 2);
  if (!hour || !literal(text, pos, ":")) return std::nullopt;
  const auto minute = digits(text, pos, 2);
  if (!minute || !literal(text, pos, ":")) return std::nullopt;
  const auto second = digits(text, pos, 2);
  if (!second) return std::nullopt;
  const auto ms = fraction_ms(text, pos);
  if (!ms) return std::nullopt;
  const auto offset = offset_minutes(text, pos);
  if (!offset || pos != text.size()) return std::nullopt;

  const year_month_day date{std::chrono::year{*year},
                            std::chrono::month{static_cast<unsigned>(*month)},
                            std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *hour > 23 || *minute > 59) return std::nullopt;
  // 60: a leap second, which becomes the next minute. They come at the end of a day.
  const bool last_minute = *hour == 23 && *minute == 59;
  if (*second > (last_minute ? 60 : 59)) return std::nullopt;
  const auto days = sys_days{date}.time_since_epoch().count();
  const std::int64_t minutes = (std::int64_t{days} * 24 + *hour) * 60 + *minute - *offset;
  return Instant{(minutes * 60 + *second) * 1000 + *ms};
}

std::optional<Duration> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t count = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (failure != std::errc{} || count < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const auto unit_size = text.find_first_of("0123456789");
    const auto unit = unit_ms(text.substr(0, unit_size));
    std::int64_t part = 0;
    if (!unit || __builtin_mul_overflow(count, *unit, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return std::nullopt;
    }
    text.remove_prefix(unit_size == std::string_view::npos ? text.size() : unit_size);
  }
  return Duration{total};
}

std::string format_duration(Duration d) {
  const std::int64_t ms = d.count();
  if (ms < 0) return "-" + format_duration(-d);
  if (ms < 1'000) return fmt::format("{}ms", ms);
  if (ms < 60'000) return fmt::format("{}.{}s", ms / 1'000, ms % 1'000 / 100);
  const std::int64_t seconds = ms / 1'000;
  if (seconds < 3'600) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  if (seconds < 86'400) return fmt::format("{}h {:02}m", seconds / 3'600, seconds % 3'600 / 60);
  return fmt::format("{}d {:02}h", seconds / 86'400, seconds % 86'400 / 3'600);
}

Instant add_years(Instant t, int years) {
  const std::chrono::sys_time<Duration> point{Duration{t.ms}};
  const auto day = std::chrono::floor<std::chrono::days>(point);
  const year_month_day date{day};
  const year_month_day later = date + std::chrono::years{years};
  // An invalid 29 February counts on as the 1st of March.
  const auto moved = std::chrono::sys_time<Duration>{sys_days{later}} + (point - day);
  return Instant{moved.time_since_epoch().count()};
}

}  // namespace troupe
