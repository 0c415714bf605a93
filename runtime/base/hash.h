// SHA-256, HMAC and the text forms of bytes, over OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

using Sha256 = std::array<std::uint8_t, 32>;

/// A hash over bytes that arrive in pieces.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;

  void update(std::span<const std::uint8_t> bytes);

  /// The hash of all bytes so far; the stream is spent.
  Sha256 finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

Sha256 sha256(std::string_view bytes);

/// Of the parts one after the other, as if they were one text.
Sha256 sha256(std::initializer_list<std::string_view> parts);

/// Cost: about 0.5 µs for a short text; nothing of the key stays in memory.
Sha256 hmac_sha256(std::string_view key, std::string_view bytes);

/// Compares in a time that does not depend on the contents; it does depend on the sizes.
bool constant_time_equal(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

/// Lower case, two digits a byte.
std::string to_hex(std::span<const std::uint8_t> bytes);

/// Nothing unless `text` is 64 hexadecimal digits.
std::optional<Sha256> sha256_from_hex(std::string_view text);

/// Standard alphabet, padded.
std::string to_base64(std::span<const std::uint8_t> bytes);

/// URL-safe alphabet, no padding.
std::string to_base64url(std::span<const std::uint8_t> bytes);

/// Reads either alphabet, with or without padding; nothing if malformed.
std::optional<std::string> from_base64(std::string_view text);

inline std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace troupe
