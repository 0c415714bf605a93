// The head of a request: its first line and its headers, read strictly. What two programs could
// read in two ways, and so be made to disagree about where a request ends, is refused.
#pragma once

#include "runtime/http/message.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace troupe::http {

/// First line and headers together; more gets 431.
constexpr std::size_t head_bytes_max = std::size_t{16} << 10;

/// More header lines get 431, too.
constexpr std::size_t headers_max = 128;

/// Why a request is not even looked at; its connection ends.
struct Refusal {
  unsigned status = 400;
  std::string why;
};

struct RequestHead {
  enum class Body : std::uint8_t { none, sized, chunked };

  std::string verb;    // any token
  std::string target;  // as sent
  bool is_http_1_0 = false;
  bool is_last = false;           // the peer wants the connection to end after the response
  bool expects_continue = false;  // the peer waits for `100 Continue` before it sends the body
  bool wants_socket = false;      // the peer asks for a WebSocket, and says all that it must
  Headers headers;
  Body body = Body::none;
  std::uint64_t length = 0;  // of a sized body
};

/// `text`: lines that end with CRLF, without the empty one at the end.
///
/// Refused: lines that are no headers or go on behind a line break, names and values with
/// characters that may not be there, no or several `Host`s (HTTP/1.1), lengths that are no numbers
/// or differ, a length beside `Transfer-Encoding`, and encodings other than `chunked`.
std::variant<RequestHead, Refusal> read_head(std::string_view text);

}  // namespace troupe::http
