#include "runtime/blob/line_tail.h"

#include "runtime/base/utf8.h"

#include <cstdint>

namespace troupe {

namespace {

constexpr std::string_view ellipsis = "\xE2\x80\xA6";
constexpr char escape = '\x1B';

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// One character of well-formed UTF-8.
struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
};

Character decode(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  std::uint32_t code = lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    code = (code << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
  }
  return {code, length};
}

/// Control characters, and those that reorder or hide what follows on a terminal.
bool is_invisible(std::uint32_t c) {
  if (c < 0x20 || (c >= 0x7F && c <= 0x9F)) return true;
  return (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

/// Bytes of the escape sequence at the front of `text`, which starts with ESC.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return text.size();
  const char kind = text[1];
  std::size_t i = 2;
  if (kind == '[') {  // CSI: parameters, then one final byte
    while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x3F) ++i;
    const bool ended = i < text.size() && text[i] >= 0x40 && text[i] <= 0x7E;
    return ended ? i + 1 : i;
  }
  if (kind == ']' || kind == 'P' || kind == '_' || kind == '^' || kind == 'X') {
    // A string up to BEL or ESC \; titles and links.
    while (i < text.size() && text[i] != '\x07' && text[i] != escape) ++i;
    if (i >= text.size()) return i;
    return text[i] == escape && i + 1 < text.size() && text[i + 1] == '\\' ? i + 2 : i + 1;
  }
  i = 1;
  while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x2F) ++i;
  const bool ended = i < text.size() && text[i] >= 0x30 && text[i] <= 0x7E;
  return ended ? i + 1 : i;
}

/// A line being cleaned: at most `chars_max` characters, trimmed on both sides.
class Line {
 public:
  explicit Line(std::size_t chars_max) : chars_max_(chars_max) {}

  void add(std::string_view character) {
    if (character == " ") {
      if (chars_ > 0) ++spaces_;
      return;
    }
    for (; spaces_ > 0; --spaces_) push(" ");
    push(character);
  }

  bool empty() const { return chars_ == 0; }

  std::string text() const {
    if (chars_ <= chars_max_) return text_;
    return text_.substr(0, cut_at_) + std::string(ellipsis);
  }

 private:
  void push(std::string_view character) {
    ++chars_;
    if (chars_ == chars_max_) cut_at_ = text_.size();  // where an ellipsis still fits
    if (chars_ <= chars_max_) text_ += character;
  }

  std::size_t chars_max_;
  std::string text_;
  std::size_t chars_ = 0;   // seen
  std::size_t spaces_ = 0;  // waiting for a visible character
  std::size_t cut_at_ = 0;
};

}  // namespace

std::string last_visible_line(std::string_view bytes, std::size_t chars_max) {
  if (chars_max == 0) return {};
  for (int skipped = 0; skipped < 3 && !bytes.empty() && is_continuation(bytes[0]); ++skipped) {
    bytes.remove_prefix(1);
  }
  const std::string text = repaired_utf8(bytes);
  std::string last;
  Line line(chars_max);
  for (std::string_view rest = text; !rest.empty();) {
    const char c = rest[0];
    if (c == escape) {
      rest.remove_prefix(escape_length(rest));
      continue;
    }
    const auto character = decode(rest);
    if (c == '\n' || c == '\r') {
      if (!line.empty()) last = line.text();
      line = Line(chars_max);
    } else if (c == '\t') {
      line.add(" ");
    } else if (!is_invisible(character.code)) {
      line.add(rest.substr(0, character.bytes));
    }
    rest.remove_prefix(character.bytes);
  }
  return line.empty() ? last : line.text();
}

}  // namespace troupe
