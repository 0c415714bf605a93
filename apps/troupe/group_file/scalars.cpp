#include "apps/troupe/group_file/scalars.h"

#include <algorithm>
#include <charconv>

namespace troupe::group_file {
namespace {

bool all_of(std::string_view text, std::string_view alphabet) {
  return !text.empty() && text.find_first_not_of(alphabet) == std::string_view::npos;
}

constexpr std::string_view decimal_digits = "0123456789";
constexpr std::string_view octal_digits = "01234567";
constexpr std::string_view hex_digits = "0123456789abcdefABCDEF";
// A longer prefixed integer does not fit 64 bits, and means its text.
constexpr std::size_t octal_digits_max = 21;
constexpr std::size_t hex_digits_max = 16;

struct Decimal {
  bool negative = false;
  std::string_view whole;     // may be empty before a fraction
  std::string_view fraction;  // after the point
  std::string_view exponent;  // with its sign
  bool point = false;
};

std::optional<Decimal> split_decimal(std::string_view text) {
  Decimal parts;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    parts.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (const auto e = text.find_first_of("eE"); e != std::string_view::npos) {
    parts.exponent = text.substr(e + 1);
    text = text.substr(0, e);
    std::string_view digits = parts.exponent;
    if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
    if (!all_of(digits, decimal_digits)) return std::nullopt;
  }
  const auto point = text.find('.');
  parts.whole = text.substr(0, point);
  if (point != std::string_view::npos) {
    parts.point = true;
    parts.fraction = text.substr(point + 1);
  }
  const bool whole_ok = parts.whole.empty() || all_of(parts.whole, decimal_digits);
  const bool fraction_ok = parts.fraction.empty() || all_of(parts.fraction, decimal_digits);
  if (!whole_ok || !fraction_ok) return std::nullopt;
  if (parts.whole.empty() && parts.fraction.empty()) return std::nullopt;
  return parts;
}

std::optional<std::uint64_t> prefixed_integer(std::string_view text) {
  if (text.size() < 3 || text[0] != '0') return std::nullopt;
  const std::string_view digits = text.substr(2);
  const bool octal = text[1] == 'o' && all_of(digits, octal_digits);
  const bool hex = text[1] == 'x' && all_of(digits, hex_digits);
  if (!octal && !hex) return std::nullopt;
  if (digits.size() > (octal ? octal_digits_max : hex_digits_max)) return std::nullopt;
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, octal ? 8 : 16);
  return value;
}

}  // namespace

Value::Kind plain_scalar_kind(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return Value::Kind::null;
  }
  if (text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
      text == "FALSE") {
    return Value::Kind::boolean;
  }
  if (prefixed_integer(text) || split_decimal(text)) return Value::Kind::number;
  return Value::Kind::text;
}

std::string json_number(std::string_view text) {
  if (const auto integer = prefixed_integer(text)) return std::to_string(*integer);
  const auto parts = split_decimal(text);
  if (!parts) return "null";
  std::string_view whole = parts->whole;
  while (whole.size() > 1 && whole[0] == '0') whole.remove_prefix(1);
  std::string out = parts->negative ? "-" : "";
  out += whole.empty() ? "0" : whole;
  if (parts->point) {
    out += '.';
    out += parts->fraction.empty() ? "0" : parts->fraction;
  }
  if (!parts->exponent.empty()) {
    out += 'e';
    out += parts->exponent;
  }
  return out;
}

std::optional<std::int64_t> integer_of(const Value& value) {
  if (value.kind != Value::Kind::number) return std::nullopt;
  const std::string number = json_number(value.text);
  std::int64_t result = 0;
  const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), result);
  if (failure != std::errc{} || end != number.data() + number.size()) return std::nullopt;
  return result;
}

}  // namespace troupe::group_file
