// The one source of randomness: ids, nonces and tokens. Actors never call it; ids reach them in
// messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe {

/// `count` unpredictable bytes from the kernel.
std::string random_bytes(std::size_t count);

/// A version 4 UUID in 22 URL-safe characters; never starts with `-`, so it can be an argument.
std::string new_slugid();

/// Whether `text` is the slug of a version 4 UUID.
bool is_slugid(std::string_view text);

/// A version 4 UUID as people write it: `123e4567-e89b-42d3-a456-426614174000`.
std::string new_uuid();

/// 44 URL-safe characters: an access token.
std::string new_token();

}  // namespace troupe
