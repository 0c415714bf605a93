// Encryption of short secrets at rest: AES-256-GCM with a fresh nonce each.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// nonce (12 bytes), ciphertext, tag (16 bytes). `context` is bound in: it must be the same when
/// opening, so that one row's secret cannot be put in another. Requires a key of 32 bytes.
std::string seal_secret(std::string_view key, std::string_view context, std::string_view secret);

/// Nothing if the key, the context or a bit of `box` is not the same.
std::optional<std::string> open_secret(std::string_view key,
                                       std::string_view context,
                                       std::string_view box);

}  // namespace troupe
