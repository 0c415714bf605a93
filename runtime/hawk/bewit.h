// Signed URLs: a URL that carries its own credentials, `?bewit=…`, for GET and HEAD.
#pragma once

#include "runtime/base/result.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::hawk {

/// The longest resource with a bewit that is looked at.
inline constexpr std::size_t bewit_resource_bytes_max = 4096;

struct Bewit {
  std::string id;
  std::string expires;  // seconds, as text
  std::string mac;
  std::string ext;       // empty: none
  std::string resource;  // what was signed: without the bewit
};

/// Whether a resource (path and query as received) carries a bewit, if only an empty one.
bool has_bewit(std::string_view resource);

/// Whether a request carries two proofs, of which one could hide the other. It is refused before
/// it is authenticated; its text for a 401 is `two_schemes_text`.
bool has_two_schemes(std::string_view resource, std::string_view authorization);
inline constexpr std::string_view two_schemes_text =
    "Cannot use two authentication schemes at once this request has both bewit in querystring and "
    "'authorization' header";

/// Reads the last bewit of `resource`, which has one.
///
/// Errors: `unauthenticated` with the text for a 401. Source: spec/api-framework.md, "Signed URLs".
Result<Bewit> parse_bewit(std::string_view method, std::string_view resource);

}  // namespace troupe::hawk
