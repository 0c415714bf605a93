// Keys whose byte order is the order of their parts, padded to 8 bytes.
//
// Numbers are big-endian. Text ends with a 0 byte and holds none, so that a shorter text sorts
// first; text over 400 bytes is its first 400 and a SHA-256, since LMDB takes keys of 511 bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

inline constexpr std::size_t key_bytes_max = 504;  // a multiple of 8 within LMDB's 511

/// Whether the store takes it: 8 to 504 bytes, a multiple of 8.
constexpr bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= key_bytes_max && key.size() % 8 == 0;
}

/// Why a key of `bytes` bytes is refused.
std::string key_rule(std::size_t bytes);

class KeyWriter {
 public:
  KeyWriter& u8(std::uint8_t value);
  KeyWriter& u16(std::uint16_t value);
  KeyWriter& u64(std::uint64_t value);
  KeyWriter& text(std::string_view value);

  /// The parts so far, without padding: what all longer keys begin with.
  const std::string& prefix() const { return out_; }
  /// The whole key, padded. Throws AssertionError over 504 bytes: a text leaves room for two
  /// numbers beside it, not for another long text.
  std::string key() const;

 private:
  std::string out_;
};

/// Reads the parts of a key in the order they were written. Requires that they are there: keys are
/// ours.
class KeyReader {
 public:
  explicit KeyReader(std::string_view key) : rest_(key) {}
  std::uint8_t u8();
  std::uint16_t u16();
  std::uint64_t u64();
  /// The text as stored: shortened if it was over 400 bytes.
  std::string_view text();
  /// What is left, padding included.
  std::string_view rest() const { return rest_; }

 private:
  std::string_view take(std::size_t size);
  std::string_view rest_;
};

}  // namespace troupe
