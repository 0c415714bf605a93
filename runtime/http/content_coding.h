// Bodies in a coding: `gzip`, `deflate` (with zlib's frame) and `br`.
#pragma once

#include "runtime/base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::http {

enum class Coding : std::uint8_t { identity, deflate, gzip, br };

/// As in `Content-Encoding`; empty for identity.
const char* name_of(Coding coding);

/// One name, in any case; nothing if it is not one of ours.
std::optional<Coding> parse_coding(std::string_view name);

/// What suits an `Accept-Encoding` best: the highest quality, among equals what is smallest.
Coding choose_coding(std::string_view accepted);

/// As fast as the coding goes: a response is compressed while others wait.
std::string compress(Coding coding, std::string_view body);

/// Undoes a coding, of bytes that arrive in pieces.
class Inflater {
 public:
  virtual ~Inflater() = default;

  /// Appends to `out` what `bytes` hold. Errors: `invalid` they are malformed, or go on behind
  /// their end; `too_large` as soon as `out` would have more than `bytes_max`, however much more
  /// there would be.
  virtual Status feed(std::string_view bytes, std::string& out, std::size_t bytes_max) = 0;

  /// Whether the end has been reached.
  virtual bool complete() const = 0;
};

/// Requires: `coding` is not identity.
std::unique_ptr<Inflater> make_inflater(Coding coding);

}  // namespace troupe::http
