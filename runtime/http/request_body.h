// The body of a request on its way in: limited, decompressed, and JSON made UTF-8.
#pragma once

#include "runtime/http/content_coding.h"
#include "runtime/http/message.h"
#include "runtime/http/request_head.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::http {

/// One request's. Borrows it: its body is filled.
class RequestBody {
 public:
  /// `bytes_max` limits what is sent as well as what becomes of it.
  RequestBody(Request& request, std::size_t bytes_max) : request_(request), bytes_max_(bytes_max) {}
  ~RequestBody();
  RequestBody(const RequestBody&) = delete;
  RequestBody& operator=(const RequestBody&) = delete;

  /// Reads the headers. Refused: 413 a length over the limit, 415 a coding or charset that is not
  /// known.
  std::optional<Refusal> begin(std::optional<std::uint64_t> length);

  /// Takes the next bytes. Refused: 413 over the limit, 400 what the coding cannot hold, 503 if all
  /// bodies of the process together are over theirs.
  std::optional<Refusal> feed(std::string_view bytes);

  /// After the last bytes. Refused: 400 a coding that has not come to its end; 413 text that is
  /// over the limit once it is UTF-8.
  std::optional<Refusal> finish();

 private:
  enum class Charset : std::uint8_t { none, utf_8, latin_1 };  // none: bytes, nobody's text

  std::optional<Refusal> read_charset();
  std::optional<Refusal> take(std::string_view bytes);
  Refusal too_large() const;

  Request& request_;
  const std::size_t bytes_max_;
  std::size_t received_ = 0;
  std::size_t counted_ = 0;  // of what all bodies take
  Charset charset_ = Charset::none;
  std::unique_ptr<Inflater> inflater_;
};

/// What the bodies of all requests under way may take together: whoever holds back the last byte of
/// many costs no more than this.
inline constexpr std::size_t all_bodies_bytes_max = std::size_t{256} << 20;

/// The part of a content type before its parameters, in lower case.
std::string media_type_of(std::string_view content_type);

}  // namespace troupe::http
