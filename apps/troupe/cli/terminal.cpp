#include "apps/troupe/cli/terminal.h"

#include "runtime/base/utf8.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace troupe::cli {
namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

const char* escape_of(Colour colour) {
  switch (colour) {
    case Colour::none: return "";
    case Colour::dim: return "\x1b[2m";
    case Colour::red: return "\x1b[31m";
    case Colour::green: return "\x1b[32m";
    case Colour::yellow: return "\x1b[33m";
    case Colour::blue: return "\x1b[34m";
    case Colour::magenta: return "\x1b[35m";
    case Colour::bold: return "\x1b[1m";
  }
  return "";
}

}  // namespace

bool colour_on(int descriptor) {
  const char* no_colour = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe)
  if (no_colour != nullptr && *no_colour != '\0') return false;
  return obeys_escapes(descriptor);
}

bool obeys_escapes(int descriptor) {
  const char* terminal = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe)
  if (terminal != nullptr && std::string_view(terminal) == "dumb") return false;
  return isatty(descriptor) == 1;
}

std::size_t terminal_width(int descriptor) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

std::string coloured(std::string_view text, Colour colour) {
  if (colour == Colour::none) return std::string(text);
  return std::string(escape_of(colour)).append(text).append("\x1b[0m");
}

std::string harmless(std::string_view text) {
  const std::string valid = repaired_utf8(text);
  std::string clean;
  clean.reserve(valid.size());
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const auto byte = static_cast<unsigned char>(valid[i]);
    if (byte == '\n' || byte == '\t' || byte == '\r') {
      clean.push_back(' ');
    } else if (byte < 0x20 || byte == 0x7F) {
      clean.push_back('?');
    } else if (byte == 0xC2 && static_cast<unsigned char>(valid[i + 1]) < 0xA0) {
      // U+0080 to U+009F are control characters too: some terminals obey them.
      clean.push_back('?');
      ++i;
    } else {
      clean.push_back(valid[i]);
    }
  }
  return clean;
}

std::size_t text_width(std::string_view utf8) {
  std::size_t width = 0;
  for (const char c : utf8) width += is_continuation(c) ? 0 : 1;
  return width;
}

std::string cut_text(std::string_view utf8, std::size_t width) {
  if (text_width(utf8) <= width) return std::string(utf8);
  if (width == 0) return {};
  std::size_t bytes = 0;
  for (std::size_t points = 0; points + 1 < width; ++points) {
    ++bytes;
    while (bytes < utf8.size() && is_continuation(utf8[bytes])) ++bytes;
  }
  return std::string(utf8.substr(0, bytes)) + "…";
}

}  // namespace troupe::cli
