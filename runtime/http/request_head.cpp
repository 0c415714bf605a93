#include "runtime/http/request_head.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace troupe::http {

namespace {

constexpr std::string_view crlf = "\r\n";
// Longer numbers need not fit into 64 bits.
constexpr std::size_t length_digits_max = 18;

bool is_token_character(char c) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || marks.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

// No control characters, nor spaces unless they are allowed. Bytes beyond ASCII are the peer's
// affair.
bool is_text(std::string_view text, bool with_spaces) {
  return std::all_of(text.begin(), text.end(), [with_spaces](char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ' || c == '\t') return with_spaces;
    return byte > 0x20 && byte != 0x7f;
  });
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Whether a header's list, such as `keep-alive, Close`, holds `wanted`.
bool holds(std::string_view list, std::string_view wanted) {
  for (;;) {
    const auto comma = list.find(',');
    if (lower(trim(list.substr(0, comma))) == wanted) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

std::optional<Refusal> read_first_line(std::string_view line, RequestHead& head) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return Refusal{400, "the first line is not METHOD TARGET HTTP/1.1"};
  }
  const auto version = line.substr(last + 1);
  head.verb = line.substr(0, first);
  head.target = line.substr(first + 1, last - first - 1);
  head.is_http_1_0 = version == "HTTP/1.0";
  if (!head.is_http_1_0 && version != "HTTP/1.1") {
    return Refusal{400, "the first line does not end with HTTP/1.1 or HTTP/1.0"};
  }
  if (!is_token(head.verb)) return Refusal{400, "the method is not a word"};
  if (head.target.empty() || !is_text(head.target, false)) {
    return Refusal{400, "the request's target holds a space or a control character"};
  }
  return std::nullopt;
}

/// What the headers say that frames the message, each time they say it.
struct FramingHeaders {
  std::optional<std::string> length;
  std::size_t encodings = 0;
  std::size_t hosts = 0;
  std::size_t lines = 0;
};

std::optional<Refusal> note(std::string_view name,
                            std::string_view value,
                            RequestHead& head,
                            FramingHeaders& framing) {
  if (name == "host") ++framing.hosts;
  if (name == "connection" && holds(value, "close")) head.is_last = true;
  if (name == "expect" && lower(value) == "100-continue") head.expects_continue = true;
  if (name == "content-length") {
    if (framing.length && *framing.length != value) {
      return Refusal{400, "there are several Content-Length headers, and they differ"};
    }
    framing.length = value;
  }
  if (name == "transfer-encoding") {
    if (++framing.encodings > 1 || lower(value) != "chunked") {
      return Refusal{400, "the only Transfer-Encoding that is taken is chunked"};
    }
    head.body = RequestHead::Body::chunked;
  }
  return std::nullopt;
}

std::optional<Refusal> read_header(std::string_view line,
                                   RequestHead& head,
                                   FramingHeaders& framing) {
  if (++framing.lines > headers_max) {
    return Refusal{431, "there are more than " + std::to_string(headers_max) + " headers"};
  }
  const auto colon = line.find(':');
  const auto sent = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(sent)) {
    return Refusal{400, "a header line does not begin with a name and a colon"};
  }
  const auto value = trim(line.substr(colon + 1));
  if (!is_text(value, true)) {
    return Refusal{400, "the header " + std::string(sent) + " holds a control character"};
  }
  std::string name = lower(sent);
  if (auto refused = note(name, value, head, framing)) return refused;
  for (auto& [known, text] : head.headers) {
    if (known != name) continue;
    text.append(", ").append(value);
    return std::nullopt;
  }
  head.headers.emplace_back(std::move(name), value);
  return std::nullopt;
}

std::string_view value_of(const RequestHead& head, std::string_view name) {
  for (const auto& [known, text] : head.headers) {
    if (known == name) return text;
  }
  return {};
}

/// Source: RFC 6455, section 4.2.1.
bool asks_for_socket(const RequestHead& head) {
  const auto key = value_of(head, "sec-websocket-key");
  const bool is_key = !key.empty() && key.find_first_of(" \t,") == std::string_view::npos;
  return is_key && head.verb == "GET" && !head.is_http_1_0 && head.length == 0 &&
         head.body != RequestHead::Body::chunked && !head.is_last &&
         holds(value_of(head, "connection"), "upgrade") &&
         holds(value_of(head, "upgrade"), "websocket") &&
         value_of(head, "sec-websocket-version") == "13";
}

std::optional<Refusal> settle(RequestHead& head, const FramingHeaders& framing) {
  if (framing.hosts > 1) return Refusal{400, "there are several Host headers"};
  if (framing.hosts == 0 && !head.is_http_1_0) return Refusal{400, "there is no Host header"};
  if (head.is_http_1_0) {
    head.is_last = true;
    head.expects_continue = false;
    if (framing.encodings > 0) return Refusal{400, "HTTP/1.0 has no Transfer-Encoding"};
  }
  if (!framing.length) return std::nullopt;
  if (framing.encodings > 0) {
    return Refusal{400, "Content-Length and Transfer-Encoding exclude each other"};
  }
  const auto& text = *framing.length;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, head.length);
  if (text.empty() || text.size() > length_digits_max || parsed.ec != std::errc{} ||
      parsed.ptr != end) {
    return Refusal{400, "Content-Length is not a number of bytes"};
  }
  // A repeated one was joined; it says the same.
  for (auto& [name, value] : head.headers) {
    if (name == "content-length") value = text;
  }
  head.body = RequestHead::Body::sized;
  return std::nullopt;
}

}  // namespace

std::variant<RequestHead, Refusal> read_head(std::string_view text) {
  RequestHead head;
  FramingHeaders framing;
  bool first = true;
  while (!text.empty()) {
    const auto end = std::min(text.find(crlf), text.size());
    const auto line = text.substr(0, end);
    auto refused = first ? read_first_line(line, head) : read_header(line, head, framing);
    if (refused) return std::move(*refused);
    first = false;
    text.remove_prefix(std::min(end + crlf.size(), text.size()));
  }
  if (auto refused = settle(head, framing)) return std::move(*refused);
  head.wants_socket = asks_for_socket(head);
  return head;
}

}  // namespace troupe::http
