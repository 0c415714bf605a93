#include "apps/troupe/group_file/task_times.h"

#include "apps/troupe/group_file/group_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string>

namespace troupe::group_file {
namespace {

struct Unit {
  std::array<std::string_view, 4> names;
  std::int64_t ms;
};

constexpr std::int64_t day_ms = 86'400'000;
// In the order in which they must be written.
constexpr std::array<Unit, 7> units = {{
    {{"y", "yr", "year", "years"}, 365 * day_ms},
    {{"mo", "month", "months", ""}, 30 * day_ms},
    {{"w", "wk", "week", "weeks"}, 7 * day_ms},
    {{"d", "day", "days", ""}, day_ms},
    {{"h", "hr", "hour", "hours"}, 3'600'000},
    {{"m", "min", "minute", "minutes"}, 60'000},
    {{"s", "sec", "second", "seconds"}, 1'000},
}};

void skip_spaces(std::string_view& text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text[0])) != 0) {
    text.remove_prefix(1);
  }
}

std::string take_word(std::string_view& text) {
  std::string word;
  while (!text.empty() && std::isalpha(static_cast<unsigned char>(text[0])) != 0) {
    word += static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    text.remove_prefix(1);
  }
  return word;
}

std::optional<std::size_t> unit_index(std::string_view word) {
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto& names = units[i].names;
    if (!word.empty() && std::find(names.begin(), names.end(), word) != names.end()) return i;
  }
  return std::nullopt;
}

std::optional<Duration> parse_expression(std::string_view text) {
  skip_spaces(text);
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  for (skip_spaces(text); !text.empty(); skip_spaces(text)) {
    std::int64_t count = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (failure != std::errc{} || count < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    skip_spaces(text);
    const auto unit = unit_index(take_word(text));
    std::int64_t part = 0;
    if (!unit || *unit < next_unit || __builtin_mul_overflow(count, units[*unit].ms, &part) ||
        __builtin_add_overflow(total, part, &total)) {
      return std::nullopt;
    }
    next_unit = *unit + 1;
  }
  return Duration{negative ? -total : total};
}

// More than this (10,000 years) cannot be added to a time.
constexpr Duration span_max{std::int64_t{10'000} * 365 * day_ms};

// A time against which nothing is said, for one whose fault is told already.
Duration stand_in(std::string_view field) {
  if (field == "created") return Duration{0};
  return field == "deadline" ? default_deadline : Duration{30 * day_ms};
}

bool is_from_now(const Value& value) {
  return value.is_map() && value.find("$fromNow") != nullptr;
}

}  // namespace

std::optional<Duration> parse_from_now(std::string_view text) {
  auto span = parse_expression(text);
  if (!span) span = parse_duration(text);
  if (!span || *span > span_max || *span < -span_max) return std::nullopt;
  return span;
}

void read_time(Value& value, std::string_view field, Problems& problems) {
  if (value.kind == Value::Kind::time) return;  // filled in
  const Position at = value.at;
  if (is_from_now(value)) {
    const Value& expression = *value.find("$fromNow");
    const auto span = expression.is_text() ? parse_from_now(expression.text) : std::nullopt;
    if (!span || value.members.size() != 1) {
      problems.add(expression.at, fmt::format("{}: `{{$fromNow: ...}}` takes one span of time such "
                                              "as `2 hours`",
                                              field));
      value = make_time(stand_in(field), at);
      return;
    }
    value = make_time(*span, at);
    return;
  }
  if (value.is_text()) {
    if (parse_time(value.text)) return;
    const auto span = parse_duration(value.text);
    if (span && *span <= span_max) {
      value = make_time(*span, at);
      return;
    }
  }
  problems.add(at, fmt::format("`{}` is a span (`90m`, `30d`), a time (`2026-01-31T08:00:00Z`) or "
                               "`{{$fromNow: 2 hours}}`",
                               field));
}

void read_times(Value& definition, Problems& problems) {
  for (const std::string_view field : {"created", "deadline", "expires"}) {
    if (Value* value = definition.find(field)) read_time(*value, field, problems);
  }
  Value* payload = definition.find("payload");
  Value* artifacts = payload == nullptr ? nullptr : payload->find("artifacts");
  if (artifacts == nullptr) return;
  // Other workers' artifacts are maps by name.
  for (Value& artifact : artifacts->items) {
    if (Value* expires = artifact.find("expires")) read_time(*expires, "expires", problems);
  }
  for (Member& artifact : artifacts->members) {
    if (Value* expires = artifact.value.find("expires")) read_time(*expires, "expires", problems);
  }
}

Instant resolve_time(const Value& value, Instant now) {
  if (value.kind == Value::Kind::time) return now + value.from_now;
  return parse_time(value.text).value_or(now);
}

}  // namespace troupe::group_file
