#include "runtime/store/key.h"

#include "runtime/base/assert.h"
#include "runtime/base/hash.h"

namespace troupe {
namespace {

constexpr std::size_t text_bytes_max = 400;

template <class Number>
void append_big_endian(std::string& out, Number value) {
  for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8) {
    out += static_cast<char>((value >> shift) & 0xff);
  }
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = (value << 8) | static_cast<std::uint8_t>(c);
  return value;
}

}  // namespace

KeyWriter& KeyWriter::u8(std::uint8_t value) {
  out_ += static_cast<char>(value);
  return *this;
}

KeyWriter& KeyWriter::u16(std::uint16_t value) {
  append_big_endian<std::uint16_t>(out_, value);
  return *this;
}

KeyWriter& KeyWriter::u64(std::uint64_t value) {
  append_big_endian<std::uint64_t>(out_, value);
  return *this;
}

KeyWriter& KeyWriter::text(std::string_view value) {
  TROUPE_EXPECTS(value.find('\0') == std::string_view::npos);
  if (value.size() > text_bytes_max) {
    out_ += value.substr(0, text_bytes_max);
    out_ += to_hex(sha256(value));
  } else {
    out_ += value;
  }
  out_ += '\0';
  return *this;
}

std::string KeyWriter::key() const {
  std::string padded = out_;
  padded.resize((out_.size() + 7) / 8 * 8, '\0');
  if (padded.size() > key_bytes_max) throw AssertionError(key_rule(padded.size()));
  return padded;
}

std::string key_rule(std::size_t bytes) {
  return "a key of " + std::to_string(bytes) + " bytes: keys have 8 to " +
         std::to_string(key_bytes_max) + " bytes, a multiple of 8";
}

std::string_view KeyReader::take(std::size_t size) {
  TROUPE_INVARIANT(rest_.size() >= size);
  const auto taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

std::uint8_t KeyReader::u8() {
  return static_cast<std::uint8_t>(big_endian(take(1)));
}
std::uint16_t KeyReader::u16() {
  return static_cast<std::uint16_t>(big_endian(take(2)));
}
std::uint64_t KeyReader::u64() {
  return big_endian(take(8));
}

std::string_view KeyReader::text() {
  const auto size = rest_.find('\0');
  TROUPE_INVARIANT(size != std::string_view::npos);
  const auto value = take(size);
  take(1);
  return value;
}

}  // namespace troupe
