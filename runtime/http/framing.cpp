#include "runtime/http/framing.h"

#include "runtime/base/assert.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

namespace troupe::http {

namespace {

constexpr std::string_view crlf = "\r\n";
// Some peers end a body with one too many; more of them are no HTTP.
constexpr std::size_t blank_lines_max = 8;
constexpr std::size_t chunk_line_bytes_max = 1024;
// Of a chunk's size; more than the 16 of 64 bits cannot be.
constexpr std::size_t chunk_digits_max = 15;

bool may_begin_line(char c) {
  return c == '\r' || c == '\n' || static_cast<unsigned char>(c) >= 0x20;
}

std::string socket_head(const RequestHead& head) {
  std::string out =
      "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\n";
  for (const auto& [name, value] : head.headers) {
    if (name == "sec-websocket-key") out.append("Sec-WebSocket-Key: ").append(value).append(crlf);
  }
  return out.append(crlf);
}

std::string canonical_head(const RequestHead& head) {
  if (head.wants_socket) return socket_head(head);
  // kj-http has to know of HEAD, whose response has no body; the rest is the same to it.
  std::string out = head.verb == "HEAD" ? "HEAD / HTTP/1.1\r\n" : "POST / HTTP/1.1\r\n";
  if (head.body == RequestHead::Body::sized) {
    out.append("Content-Length: ").append(std::to_string(head.length)).append(crlf);
  }
  if (head.body == RequestHead::Body::chunked) out += "Transfer-Encoding: chunked\r\n";
  return out.append(crlf);
}

}  // namespace

void Framing::consume(std::string_view& input, std::string& out) {
  const auto before = out.size();
  while (!input.empty() && out.size() == before && passing_ == 0 && !refusal_) {
    switch (state_) {
      case State::head: take_head_lines(input, out); break;
      case State::chunk_line: take_chunk_line(input, out); break;
      case State::chunk_end: take_chunk_end(input, out); break;
      case State::trailers: take_trailers(input, out); break;
      case State::sized:
      case State::chunk: TROUPE_INVARIANT(passing_ > 0); break;
    }
  }
}

void Framing::pass(std::uint64_t bytes) {
  TROUPE_EXPECTS(bytes <= passing_);
  passing_ -= bytes;
  if (passing_ > 0) return;
  state_ = state_ == State::chunk ? State::chunk_end : State::head;
}

void Framing::refuse(unsigned status, std::string why) {
  refusal_ = Refusal{status, std::move(why)};
}

// Up to the next line break, into `text_`; false if it is not here yet, or refused.
bool Framing::take_line(std::string_view& input, std::size_t bytes_max) {
  const auto newline = input.find('\n');
  const auto piece = input.substr(0, newline == std::string_view::npos ? newline : newline + 1);
  if (piece.size() > bytes_max - std::min(bytes_max, text_.size())) {
    if (state_ == State::head) {
      refuse(431, "the first line and the headers have more than " +
                      std::to_string(head_bytes_max) + " bytes, the most that is taken");
    } else {
      refuse(400, "a line of the chunked body is too long");
    }
    return false;
  }
  text_ += piece;
  input.remove_prefix(piece.size());
  if (newline == std::string_view::npos) return false;
  if (text_.ends_with(crlf)) return true;
  refuse(400, "a line does not end with CR and LF");
  return false;
}

void Framing::take_head_lines(std::string_view& input, std::string& out) {
  // Whoever speaks TLS or RPC here is told at once, and does not wait for the end of a line.
  if (text_.empty() && !may_begin_line(input.front())) {
    refuse(400, "this is no HTTP: a request begins with a method");
  }
  while (!refusal_ && !input.empty() && state_ == State::head && take_line(input, head_bytes_max)) {
    if (text_ == crlf) {
      text_.clear();
      if (++blank_lines_ > blank_lines_max) refuse(400, "empty lines are no request");
    } else if (text_.ends_with("\r\n\r\n")) {
      begin_request(out);
      return;
    }
    if (refusal_) break;
  }
  if (refusal_) out += canonical_head({});
}

void Framing::begin_request(std::string& out) {
  blank_lines_ = 0;
  auto read = read_head(std::string_view(text_).substr(0, text_.size() - 2 * crlf.size()));
  text_.clear();
  if (auto* const refused = std::get_if<Refusal>(&read)) {
    refusal_ = std::move(*refused);
    out += canonical_head({});
    return;
  }
  head_ = std::move(std::get<RequestHead>(read));
  out += canonical_head(head_);
  if (head_.body == RequestHead::Body::chunked) {
    state_ = State::chunk_line;
  } else if (head_.length > 0) {
    state_ = State::sized;
    passing_ = head_.length;
  }
}

void Framing::take_chunk_line(std::string_view& input, std::string& out) {
  if (!take_line(input, chunk_line_bytes_max)) return;
  const auto digits = std::string_view(text_).substr(0, text_.find_first_of(";\t \r"));
  const char* const end = digits.data() + digits.size();
  std::uint64_t size = 0;
  const auto parsed = std::from_chars(digits.data(), end, size, 16);
  // Behind the digits an extension may be, which nobody here knows.
  const auto rest = text_.find_first_not_of(" \t", digits.size());
  const bool ended = text_[rest] == ';' || text_[rest] == '\r';
  if (digits.empty() || digits.size() > chunk_digits_max || parsed.ec != std::errc{} ||
      parsed.ptr != end || !ended || text_.find('\r') != text_.size() - crlf.size()) {
    refuse(400, "the size of a chunk is not a hexadecimal number");
    return;
  }
  if (size == 0) {
    state_ = State::trailers;
    trailer_bytes_ = 0;
  } else {
    out.append(digits).append(crlf);
    state_ = State::chunk;
    passing_ = size;
  }
  text_.clear();
}

void Framing::take_chunk_end(std::string_view& input, std::string& out) {
  const auto wanted = crlf.substr(text_.size());
  const auto piece = input.substr(0, wanted.size());
  if (piece != wanted.substr(0, piece.size())) {
    refuse(400, "a chunk is longer than its size");
    return;
  }
  text_ += piece;
  input.remove_prefix(piece.size());
  if (text_ != crlf) return;
  text_.clear();
  out += crlf;
  state_ = State::chunk_line;
}

// Nobody here asks for trailers: they are left out, and the body ends.
void Framing::take_trailers(std::string_view& input, std::string& out) {
  if (!take_line(input, head_bytes_max - trailer_bytes_)) return;
  trailer_bytes_ += text_.size();
  const bool last = text_ == crlf;
  text_.clear();
  if (!last) return;
  out += "0\r\n\r\n";
  state_ = State::head;
}

}  // namespace troupe::http
