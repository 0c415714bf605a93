// Cap'n Proto's Data: as `runtime/store/message.h` has it for Text.
#pragma once

#include "runtime/base/hash.h"

#include <capnp/blob.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>

namespace troupe {

inline std::string str(capnp::Data::Reader data) {
  return {reinterpret_cast<const char*>(data.begin()), data.size()};
}

/// The hash that these bytes are; nothing unless they are 32.
inline std::optional<Sha256> sha256_of(std::span<const std::uint8_t> bytes) {
  Sha256 hash{};
  if (bytes.size() != hash.size()) return std::nullopt;
  std::ranges::copy(bytes, hash.begin());
  return hash;
}
inline std::optional<Sha256> sha256_of(capnp::Data::Reader data) {
  return sha256_of(std::span(data.begin(), data.size()));
}

}  // namespace troupe
