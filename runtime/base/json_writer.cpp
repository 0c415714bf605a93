#include "runtime/base/json_writer.h"

#include "runtime/base/utf8.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace troupe {
namespace {

// Most answers of the API fit, so that their text is never moved.
constexpr std::size_t first_bytes = 512;

bool is_plain(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  out += '\\';
  switch (c) {
    case '"':
    case '\\': out += c; break;
    case '\b': out += 'b'; break;
    case '\f': out += 'f'; break;
    case '\n': out += 'n'; break;
    case '\r': out += 'r'; break;
    case '\t': out += 't'; break;
    default:
      out.append("u00");
      out += digits[static_cast<unsigned char>(c) >> 4U];
      out += digits[static_cast<unsigned char>(c) & 0xFU];
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (;;) {
    const auto* const special = std::find_if_not(text.begin(), text.end(), is_plain);
    const auto plain = static_cast<std::size_t>(special - text.begin());
    out.append(text, 0, plain);
    if (plain == text.size()) break;
    append_escaped(out, *special);
    text.remove_prefix(plain + 1);
  }
  out += '"';
}

}  // namespace

struct JsonWriter::Impl {
  Impl() { text.reserve(first_bytes); }

  // Whatever follows a whole value is the next one of its list or object.
  void separate() {
    if (after_value) text += ',';
    after_value = true;
  }

  void open(char bracket) {
    separate();
    text += bracket;
    after_value = false;
  }

  void close(char bracket) {
    text += bracket;
    after_value = true;
  }

  void value(std::string_view json) {
    separate();
    text += json;
  }

  template <class Number>
  void number(Number number) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    value({digits.data(), static_cast<std::size_t>(end - digits.data())});
  }

  void quoted(std::string_view plain) {
    separate();
    if (utf8_length(plain)) {
      append_quoted(text, plain);
    } else {
      append_quoted(text, repaired_utf8(plain));
    }
  }

  std::string text;
  bool after_value = false;
};

JsonWriter::JsonWriter() : impl_(std::make_unique<Impl>()) {}
JsonWriter::~JsonWriter() = default;
JsonWriter::JsonWriter(JsonWriter&&) noexcept = default;
JsonWriter& JsonWriter::operator=(JsonWriter&&) noexcept = default;

JsonWriter& JsonWriter::begin_object() {
  impl_->open('{');
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  impl_->close('}');
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  impl_->open('[');
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  impl_->close(']');
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  impl_->quoted(name);
  impl_->text += ':';
  impl_->after_value = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  impl_->quoted(text);
  return *this;
}

JsonWriter& JsonWriter::int64(std::int64_t value) {
  impl_->number(value);
  return *this;
}

JsonWriter& JsonWriter::uint64(std::uint64_t value) {
  impl_->number(value);
  return *this;
}

JsonWriter& JsonWriter::number(double value) {
  if (!std::isfinite(value)) return null();
  impl_->number(value);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  impl_->value(value ? "true" : "false");
  return *this;
}

JsonWriter& JsonWriter::null() {
  impl_->value("null");
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  impl_->value(json);
  return *this;
}

std::string JsonWriter::take() {
  impl_->after_value = false;
  return std::exchange(impl_->text, {});
}

}  // namespace troupe
