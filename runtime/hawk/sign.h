// What clients need: signed requests, signed URLs, temporary credentials to hand on.
//
// Nonces, seeds and times are arguments, so that the same call makes the same text.
#pragma once

#include "runtime/base/result.h"
#include "runtime/base/secret.h"
#include "runtime/base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::hawk {

struct Credentials {
  std::string client_id;
  Secret access_token;
  std::string certificate = {};  // JSON; empty: permanent credentials

  // The request may do this and nothing more; absent: all that the credentials may.
  std::optional<std::vector<std::string>> authorized_scopes = {};
};

struct Payload {
  std::string_view content_type;
  std::string_view body;
};

/// A request to be signed. All borrowed.
struct Outgoing {
  std::string_view method;
  std::string_view resource;  // path and query, exactly as they are sent
  std::string_view host;      // as the server is addressed by its callers
  std::uint16_t port = 0;
  std::optional<Payload> payload = {};  // given: its hash is signed, so that nobody alters it
};

/// The value of the `Authorization` header. `nonce`: a few printable characters, without `"` and
/// `\`, that this client does not use twice in a second.
std::string sign_request(const Credentials& credentials,
                         const Outgoing& request,
                         Instant now,
                         std::string_view nonce);

/// `url` with a bewit: who has it may GET it until `expires`, which is cut to seconds.
///
/// Errors: `invalid` if `url` is not `http://…` or `https://…` with a host, or names a user.
Result<std::string> sign_url(const Credentials& credentials, std::string_view url, Instant expires);

/// What temporary credentials are to be.
struct TemporaryGrant {
  std::string client_id = {};  // a name of their own, which the issuer may create; empty: its own
  std::vector<std::string> scopes = {};
  Instant start;
  Instant expiry;
};

/// Credentials for `grant`, issued by `issuer`. `seed`: 44 fresh characters (`new_token()`).
///
/// Whether the issuer has the scopes, the server finds out when they are used.
/// Errors: `invalid` if the issuer is itself temporary, the times are not start <= expiry <= start
/// + 31 days, a scope is not printable ASCII or the name is the issuer's.
Result<Credentials> make_temporary(const Credentials& issuer,
                                   const TemporaryGrant& grant,
                                   std::string_view seed);

}  // namespace troupe::hawk
