// Encryption of secrets at rest under keys that can be changed: one key seals, all of them open.
//
// The keys are JSON, in a file of mode 0600 or in the environment:
//
//   {"current": "2026-11", "keys": [{"id": "2026-11", "key": "<32 bytes in base64>"},
//                                   {"id": "2025-02", "key": "..."}]}
//
// Without "current" the first one seals. Ids are for people and for boxes: 1 to 64 letters, digits,
// `.`, `_` and `-`.
//
// A box is `key:ID:` and what secret_box.h makes. Boxes from before there were rings have no such
// beginning: each key is tried on them, which is safe, as a box opens with its own key only.
#pragma once

#include "runtime/base/result.h"
#include "runtime/base/secret.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// The keys; immutable, copies are keys in memory once more. Thread: any.
class KeyRing {
 public:
  /// Errors: `corrupt` if `json` is no ring; the text says what is wrong and shows no key.
  static Result<KeyRing> parse(std::string_view json);

  /// A ring of one fresh key.
  static KeyRing make();

  /// As `parse` reads it: for the file, and for nobody's eyes.
  std::string json() const;

  /// Encrypts under the current key. `context` is bound in, and must be the same when opening, so
  /// that one row's secret cannot be put in another.
  std::string seal(std::string_view secret, std::string_view context) const;

  /// Errors: `corrupt` if it was sealed under a key that is not here, naming that key, or is
  /// damaged or of another context.
  Result<Secret> open(std::string_view box, std::string_view context) const;

  /// Whether `box` is sealed otherwise than `seal` does it now, so that an old key is needed.
  bool needs_reseal(std::string_view box) const;

  /// The same secret in a box under the current key. Errors: as `open`.
  Result<std::string> reseal(std::string_view box, std::string_view context) const;

  /// What nobody without the keys can make, in 64 hexadecimal digits. `purpose` keeps what is
  /// signed for one use from being taken for another.
  std::string sign(std::string_view text, std::string_view purpose) const;

  /// Whether `signature` is `sign`'s of the same, under whichever of the keys. Takes as long for a
  /// wrong one as for a right one.
  bool verify(std::string_view signature, std::string_view text, std::string_view purpose) const;

  const std::string& current_id() const { return keys_[current_].id; }

 private:
  struct Key {
    std::string id;
    Secret bytes;  // 32
  };

  KeyRing() = default;
  const Key* find(std::string_view id) const;
  std::string ids() const;

  // Constant after construction; at least one.
  std::vector<Key> keys_;
  std::size_t current_ = 0;

  friend class KeyRingReader;
};

}  // namespace troupe
