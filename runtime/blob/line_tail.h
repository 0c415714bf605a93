// What a program last printed, in one line that is safe to show.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe {

/// The last line in `bytes` that shows anything, without escape sequences and control characters,
/// as valid UTF-8 of at most `chars_max` characters (a longer one ends in `…`).
///
/// A carriage return starts a line as well: of a progress bar the newest state remains. Empty if
/// there is no such line. `bytes` may start in the middle of a character.
std::string last_visible_line(std::string_view bytes, std::size_t chars_max);

}  // namespace troupe
