// How a request is refused: every fault that these files find is an Error with the code
// `unauthenticated`, and its detail is the text that the caller gets with status 401.
//
// Clients and their tests know these texts, so they are not improved.
#pragma once

#include "runtime/base/result.h"

#include <string>
#include <string_view>
#include <utility>

namespace troupe::hawk {

/// The text as it is.
inline Error refused(std::string text) {
  return {Errc::unauthenticated, std::move(text)};
}

/// `Bad Request: TEXT`: what was sent is malformed.
inline Error malformed(std::string_view text) {
  return refused("Bad Request: " + std::string(text));
}

/// `Unauthorized: TEXT`: it is well formed, and does not prove anything.
inline Error unproven(std::string_view text) {
  return refused("Unauthorized: " + std::string(text));
}

/// What kind of refusal a text tells of, for figures: a few words that stay the same, `other` for a
/// text that is not of these files.
///
///   malformed          no proof of a known form
///   unknown-client, disabled, expired   what is known of the client
///   token              the session's client has another access token by now
///   certificate        temporary credentials that do not hold
///   authorized-scopes  a restriction to scopes that the caller does not have, or a bad one
///   mac                signed with a wrong access token, or something else was signed
///   time               signed too long ago, or a signed URL that has expired
///   payload            another body was signed
std::string_view reason_of(std::string_view text);

}  // namespace troupe::hawk
