// What the `ext` of a request says: restrictions of what its credentials may do.
//
// Source: spec/api-framework.md, "ext", "Temporary credentials" and "authorizedScopes".
#pragma once

#include "runtime/base/result.h"
#include "runtime/base/secret.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::hawk {

/// The certificate of temporary credentials, as it was sent. Only the shape is known to be right,
/// and only if `fault` is empty: certificate.h checks the rest.
struct Certificate {
  std::string fault;  // the first thing wrong with the shape; what comes after it is not filled in
  std::string seed;
  double start = 0;   // milliseconds since 1970
  double expiry = 0;  // milliseconds since 1970
  std::vector<std::string> scopes;
  std::optional<std::string> signature;  // absent also if it is no text
  bool has_client_id = false;

  // Known even of a certificate with a fault, as it is looked at first.
  std::optional<std::string> issuer;
  std::string issuer_fault;
};

struct AuthorizedScopes {
  std::string fault;  // what is wrong with the list, which then is empty
  std::vector<std::string> scopes;
};

struct Ext {
  std::optional<Certificate> certificate;
  std::optional<AuthorizedScopes> authorized_scopes;
};

/// Reads an `ext` in base64 of either alphabet, padded or not. Unknown properties are skipped.
///
/// Errors: `unauthenticated` if it is no JSON object.
Result<Ext> parse_ext(std::string_view text);

/// The `ext` of requests with these restrictions; empty if there are none. `certificate` is its
/// JSON, or empty.
std::string make_ext(std::string_view certificate,
                     const std::optional<std::vector<std::string>>& authorized_scopes);

/// Whether `scope` consists of printable ASCII; it may be empty.
bool is_valid_scope(std::string_view scope);

}  // namespace troupe::hawk
