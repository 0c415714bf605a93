// What the terminal can show: colour, width, and texts from elsewhere made harmless.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::cli {

/// Whether to colour what goes to this descriptor: it obeys escapes, and NO_COLOR is not set.
bool colour_on(int descriptor);

/// Whether the cursor can be moved there: a terminal whose TERM is not `dumb`.
bool obeys_escapes(int descriptor);

/// Columns of the terminal behind this descriptor; 0 if it is not a terminal.
std::size_t terminal_width(int descriptor);

enum class Colour { none, dim, red, green, yellow, blue, magenta, bold };

/// `text` between the colour's escape sequences; `text` alone for `none`.
std::string coloured(std::string_view text, Colour colour);

/// `text` fit for a cell of a terminal: valid UTF-8, no control characters (an escape sequence in a
/// task's name must not reach the terminal), line ends as blanks.
std::string harmless(std::string_view text);

/// Code points, which is what a cell takes for nearly every text we show.
std::size_t text_width(std::string_view utf8);

/// The first `width` code points, the last of them `…` if something was cut.
std::string cut_text(std::string_view utf8, std::size_t width);

}  // namespace troupe::cli
