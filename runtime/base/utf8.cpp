#include "runtime/base/utf8.h"

#include <cstdint>
#include <cstring>

namespace troupe {
namespace {

// Size of the well-formed sequence at the front of `text`, which is not empty; 0 if there is none.
// Source: RFC 3629, section 4: no overlong forms, no surrogates, nothing over U+10FFFF.
std::size_t sequence_size(std::string_view text) {
  const auto byte = [&text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&byte](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  const unsigned second = byte(1);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !follows(1)) return 0;
  if (first < 0xE0) return 2;
  if (!follows(2)) return 0;
  if (first == 0xE0 && second < 0xA0) return 0;
  if (first == 0xED && second > 0x9F) return 0;
  if (first < 0xF0) return 3;
  if (!follows(3)) return 0;
  if (first == 0xF0 && second < 0x90) return 0;
  if (first == 0xF4 && second > 0x8F) return 0;
  return 4;
}

// Number of leading bytes below 0x80, eight at a time: nearly all text is ASCII.
std::size_t ascii_prefix(std::string_view text) {
  std::size_t count = 0;
  while (count + sizeof(std::uint64_t) <= text.size()) {
    std::uint64_t chunk = 0;
    std::memcpy(&chunk, text.data() + count, sizeof(chunk));
    if ((chunk & 0x8080808080808080U) != 0) break;
    count += sizeof(chunk);
  }
  while (count < text.size() && static_cast<unsigned char>(text[count]) < 0x80) ++count;
  return count;
}

}  // namespace

std::optional<std::size_t> utf8_length(std::string_view text) {
  std::size_t length = 0;
  while (!text.empty()) {
    const std::size_t plain = ascii_prefix(text);
    length += plain;
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t size = sequence_size(text);
    if (size == 0) return std::nullopt;
    ++length;
    text.remove_prefix(size);
  }
  return length;
}

std::optional<std::size_t> utf8_fault(std::string_view text) {
  std::size_t at = 0;
  for (;;) {
    at += ascii_prefix(text.substr(at));
    if (at == text.size()) return std::nullopt;
    const std::size_t size = sequence_size(text.substr(at));
    if (size == 0) return at;
    at += size;
  }
}

std::string repaired_utf8(std::string_view text) {
  std::string repaired;
  repaired.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = sequence_size(text);
    if (size == 0) {
      repaired += "\xEF\xBF\xBD";
      text.remove_prefix(1);
      continue;
    }
    repaired += text.substr(0, size);
    text.remove_prefix(size);
  }
  return repaired;
}

}  // namespace troupe
