// Where one request ends and the next begins: reads a connection's bytes, says what a request is,
// and hands its body on in one canonical form.
//
//   bytes ──► head ──► sized body ──► head ...
//              └─────► chunk line ──► chunk ──► chunk line ... ──► trailers ──► head
//
// kj-http reads a request leniently: it takes a length beside chunks, forgets an overflowing chunk
// size, and reads trailers as the next request. So it gets to see only what is made here.
#pragma once

#include "runtime/http/request_head.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::http {

/// One connection's. Pure: no input, output or time.
class Framing {
 public:
  /// Takes from the front of `input`, and appends to `out` what kj-http is to read: for a head a
  /// canonical one, for a chunk's line one without extensions. Returns as soon as there is output,
  /// a request has ended, `passing()` is above 0, something is refused, or no input is left.
  void consume(std::string_view& input, std::string& out);

  /// So many bytes from here on belong to the body and are handed on as they are.
  std::uint64_t passing() const { return passing_; }

  /// They were. Requires: not more than `passing()`.
  void pass(std::uint64_t bytes);

  /// The head of the request whose body comes next; once for each request.
  RequestHead take_head() { return std::move(head_); }

  /// Set once something is refused: nothing more is taken then. For a head kj-http gets an empty
  /// request, so that somebody answers it.
  const std::optional<Refusal>& refusal() const { return refusal_; }

  /// Whether what comes next is a request, or the rest of its head; else it is of a body.
  bool awaits_head() const { return state_ == State::head; }

  /// Whether a part of a head is here.
  bool in_head() const { return state_ == State::head && !text_.empty(); }

 private:
  enum class State : std::uint8_t { head, sized, chunk_line, chunk, chunk_end, trailers };

  void take_head_lines(std::string_view& input, std::string& out);
  void begin_request(std::string& out);
  void take_chunk_line(std::string_view& input, std::string& out);
  void take_chunk_end(std::string_view& input, std::string& out);
  void take_trailers(std::string_view& input, std::string& out);
  bool take_line(std::string_view& input, std::size_t bytes_max);
  void refuse(unsigned status, std::string why);

  State state_ = State::head;
  std::string text_;             // of the head or line that is not complete yet
  std::size_t blank_lines_ = 0;  // before a head
  std::size_t trailer_bytes_ = 0;
  std::uint64_t passing_ = 0;
  RequestHead head_;
  std::optional<Refusal> refusal_;
};

}  // namespace troupe::http
