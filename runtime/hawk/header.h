// The `Authorization` header of a signed request: `Hawk id="...", ts="...", nonce="...",
// mac="..."`.
#pragma once

#include "runtime/base/result.h"

#include <cstddef>
#include <string_view>

namespace troupe::hawk {

/// The longest header that is looked at; the HTTP edge takes no more in all of a request's headers.
inline constexpr std::size_t header_bytes_max = 16 * 1024;

/// The longest that a header may be without its `ext`. The reference implementation has this limit
/// for the whole header, so that certificates of some sixty scopes do not fit: only `ext`, which
/// carries them, may go beyond.
inline constexpr std::size_t header_rest_bytes_max = 4096;

/// The attributes of a header; each is a view of it, and empty if absent.
struct Header {
  std::string_view id;
  std::string_view ts;  // as sent: digits, or anything
  std::string_view nonce;
  std::string_view hash;
  std::string_view ext;
  std::string_view mac;
  std::string_view app;
  std::string_view dlg;
};

/// Reads `text`, which the result borrows.
///
/// Errors: `unauthenticated` with the text for a 401; the first fault in the order of the text, but
/// an attribute that is missing is noticed last. Source: spec/api-framework.md, "Header".
Result<Header> parse_header(std::string_view text);

}  // namespace troupe::hawk
