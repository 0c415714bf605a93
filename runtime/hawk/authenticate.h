// Who makes a request, and what they may do: by a signed header, a signed URL, or nobody.
//
// Pure: what there is to know of clients comes from a Realm, the time is an argument. The order of
// the checks is documented, as it decides which fault a caller sees: the shape of the proof, the
// client, the restrictions in `ext`, the MAC, the time.
//
// Source: spec/auth.md, "Authentication procedure".
#pragma once

#include "runtime/base/time.h"
#include "runtime/hawk/mac.h"
#include "runtime/hawk/realm.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace troupe::hawk {

/// How far `ts` may be from now, before or after. Nonces are not remembered: for so long a request
/// may be repeated by who has seen it.
inline constexpr Duration timestamp_skew_max = std::chrono::seconds(900);

/// For how long the answer holds that a request has no credentials.
inline constexpr Duration no_auth_duration = std::chrono::minutes(15);

/// What of a request matters here. All borrowed.
struct Request {
  std::string_view method;              // in any case
  std::string_view resource;            // the request target as received: path and query
  std::string_view host;                // without the port; in any case
  std::uint16_t port = 0;               // as the caller sees it
  std::string_view authorization = {};  // the header; empty: none
};

/// Signed by a client.
struct Success {
  std::string client_id;  // for logs; of named temporary credentials a name that need not exist
  HeldScopes scopes;
  Instant expires;   // of the credentials; may be some minutes ago
  std::string hash;  // of the body, as signed: compare it with mac.h; empty: none was signed
  Scheme scheme = Scheme::header;
  bool is_temporary = false;
};

/// Refused with this text and status 401.
struct Failure {
  std::string message;
};

/// Not signed.
struct NoAuth {
  HeldScopes scopes;
  Instant expires;
};

using Outcome = std::variant<Success, Failure, NoAuth>;

/// A request with both a header and a bewit goes by its header: see `has_two_schemes`.
/// Thread: any the realm allows. Cost: a few microseconds.
Outcome authenticate(const Request& request, const Realm& realm, Instant now);

}  // namespace troupe::hawk
