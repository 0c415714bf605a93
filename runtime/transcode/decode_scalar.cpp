#include "runtime/base/json_writer.h"
#include "runtime/base/time.h"
#include "runtime/transcode/decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace troupe::transcode {
namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// `text` as a T; nothing if it is out of T's range or not whole. JSON's integers include `5.0` and
// `5e2`.
template <class T>
std::optional<T> parse_integer(std::string_view text) {
  if (const auto plain = parse_number<T>(text)) return plain;
  // Up to here a double holds each integer exactly.
  constexpr double exact_max = 9007199254740992.0;
  const auto real = parse_number<double>(text);
  if (!real || std::trunc(*real) != *real || std::fabs(*real) > exact_max) return std::nullopt;
  if (std::is_unsigned_v<T> && *real < 0) return std::nullopt;
  return static_cast<T>(*real);
}

bool is_whole(std::string_view number) {
  const auto real = parse_number<double>(number);
  return real && std::trunc(*real) == *real;
}

std::optional<std::uint8_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = hex_digit(text[i]);
    const auto low = hex_digit(text[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(*high * 16 + *low));
  }
  return bytes;
}

std::string_view kind_name(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::null: return "null";
    case Node::Kind::no: return "false";
    case Node::Kind::yes: return "true";
    case Node::Kind::number: return "a number";
    case Node::Kind::string: return "a string";
    case Node::Kind::object: return "an object";
    case Node::Kind::array: return "a list";
  }
  return {};
}

std::string choices(const EnumRules& rules) {
  return transcode::choices({rules.names.begin(), rules.names.end()});
}

capnp::Text::Reader as_text(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

std::string choices(const std::vector<std::string_view>& names) {
  std::string text;
  for (const std::string_view name : names) {
    if (name.empty()) continue;
    text += text.empty() ? "one of " : ", ";
    text += quoted(name);
  }
  return text;
}

void Slot::set(const capnp::DynamicValue::Reader& value) {
  KJ_IF_MAYBE (field, field_) {
    struct_.set(*field, value);
  } else {
    list_.set(index_, value);
  }
}

capnp::DynamicStruct::Builder Slot::structure() {
  KJ_IF_MAYBE (field, field_) return struct_.init(*field).as<capnp::DynamicStruct>();
  return list_[index_].as<capnp::DynamicStruct>();
}

capnp::DynamicList::Builder Slot::list(std::uint32_t size) {
  KJ_IF_MAYBE (field, field_) return struct_.init(*field, size).as<capnp::DynamicList>();
  return list_.init(index_, size).as<capnp::DynamicList>();
}

void Decoder::value(const ValueRules& rules, const Node& node, Slot slot, const Path& path) {
  switch (rules.shape) {
    case Shape::nothing:
      if (node.kind != Node::Kind::null) return wrong_type("null", node, path);
      return slot.set(capnp::VOID);
    case Shape::boolean: return boolean(node, slot, path);
    case Shape::signed_integer: return integer(rules.signed_range, node, slot, path);
    case Shape::unsigned_integer: return integer(rules.unsigned_range, node, slot, path);
    case Shape::real:
    case Shape::float32: return real(rules, node, slot, path);
    case Shape::text: return text(rules, node, slot, path);
    case Shape::bytes: return bytes(node, slot, path);
    case Shape::json_text: return json_text(node, slot, path);
    case Shape::any_json: return any_json(node, slot);
    case Shape::date_time: return date_time(rules, node, slot, path);
    case Shape::enumerant: return enumerant(*rules.enumeration, node, slot, path);
    case Shape::structure:
      if (node.kind != Node::Kind::object) return wrong_type("an object", node, path);
      if (!check_size(rules, node.count, path, faults_)) return;
      return structure(*rules.structure, node, slot.structure(), path);
    case Shape::list: return list(rules, node, slot, path);
    case Shape::map: return map(rules, node, slot, path);
  }
}

void Decoder::wrong_type(std::string_view wanted, const Node& node, const Path& path) {
  faults_.add(path, fmt::format("must be {}, not {}", wanted, kind_name(node.kind)));
}

void Decoder::boolean(const Node& node, Slot slot, const Path& path) {
  if (node.kind != Node::Kind::yes && node.kind != Node::Kind::no) {
    return wrong_type("true or false", node, path);
  }
  slot.set(node.kind == Node::Kind::yes);
}

template <class T>
void Decoder::integer(const Bounds<T>& bounds, const Node& node, Slot slot, const Path& path) {
  if (node.kind != Node::Kind::number) return wrong_type("an integer", node, path);
  const std::string_view digits = tape_.slice(node);
  const auto number = parse_integer<T>(digits);
  if (number && *number >= bounds.min && *number <= bounds.max) return slot.set(*number);
  const std::string_view shown = digits.substr(0, 64);
  if (number || is_whole(digits)) return faults_.add(path, out_of_range(bounds, shown));
  faults_.add(path, fmt::format("must be an integer, not {}", shown));
}

void Decoder::real(const ValueRules& rules, const Node& node, Slot slot, const Path& path) {
  if (node.kind != Node::Kind::number) return wrong_type("a number", node, path);
  const auto number = parse_number<double>(tape_.slice(node));
  const double max = rules.shape == Shape::float32 ? double{std::numeric_limits<float>::max()}
                                                   : std::numeric_limits<double>::max();
  if (!number || std::fabs(*number) > max) {
    return faults_.add(path, "must be a number within the range of floating point");
  }
  slot.set(*number);
}

void Decoder::text(const ValueRules& rules, const Node& node, Slot slot, const Path& path) {
  if (node.kind != Node::Kind::string) return wrong_type("a string", node, path);
  const std::string_view contents = tape_.text(node);
  check_text(rules, contents, path, faults_);
  slot.set(as_text(contents));
}

void Decoder::bytes(const Node& node, Slot slot, const Path& path) {
  if (node.kind != Node::Kind::string) return wrong_type("hexadecimal digits", node, path);
  const auto read = from_hex(tape_.text(node));
  if (!read) return faults_.add(path, "must be hexadecimal digits, two for each byte");
  slot.set(capnp::Data::Reader(read->data(), read->size()));
}

void Decoder::json_text(const Node& node, Slot slot, const Path& path) {
  if (node.kind != Node::Kind::object) return wrong_type("an object", node, path);
  const std::string compact = compact_json(tape_.slice(node));
  slot.set(as_text(compact));
}

void Decoder::any_json(const Node& node, Slot slot) {
  std::string compact;
  if (node.kind == Node::Kind::string) {
    JsonWriter writer;
    compact = writer.string(tape_.text(node)).take();
  } else {
    compact = compact_json(tape_.slice(node));
  }
  slot.set(as_text(compact));
}

void Decoder::date_time(const ValueRules& rules, const Node& node, Slot slot, const Path& path) {
  if (node.kind != Node::Kind::string) return wrong_type("a date and time", node, path);
  const std::string_view contents = tape_.text(node);
  const auto time = parse_time(contents);
  if (!time || time->ms < time_ms_min || time->ms > time_ms_max) {
    return faults_.add(path, fmt::format("{} is not a date and time such as {}", quoted(contents),
                                         "2026-01-31T08:00:00.000Z"));
  }
  // 0 stands for no time: the first moment of 1970 becomes the next one.
  slot.set(time->ms == 0 && rules.zero_is_absent ? std::int64_t{1} : time->ms);
}

void Decoder::enumerant(const EnumRules& rules, const Node& node, Slot slot, const Path& path) {
  if (node.kind != Node::Kind::string) return wrong_type(choices(rules), node, path);
  const std::string_view name = tape_.text(node);
  const auto found = std::find(rules.names.begin(), rules.names.end(), name);
  if (found == rules.names.end() || name.empty()) {
    return faults_.add(path, fmt::format("must be {}, not {}", choices(rules), quoted(name)));
  }
  const auto number = static_cast<std::uint16_t>(found - rules.names.begin());
  slot.set(capnp::DynamicEnum(rules.schema, number));
}

}  // namespace troupe::transcode
