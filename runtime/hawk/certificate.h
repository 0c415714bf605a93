// Temporary credentials: what the holder of an access token hands on, restricted in scopes and
// time, without asking anybody. They are a certificate that the issuer has signed, and a token
// derived from the issuer's; nothing of them is stored.
//
// Source: spec/api-framework.md, "Temporary credentials".
#pragma once

#include "runtime/base/result.h"
#include "runtime/base/secret.h"
#include "runtime/base/time.h"
#include "runtime/hawk/ext.h"
#include "runtime/hawk/realm.h"

#include <chrono>
#include <string>
#include <string_view>

namespace troupe::hawk {

inline constexpr Duration certificate_duration_max = std::chrono::days(31);

/// How far the clock of an issuer may differ from ours.
inline constexpr Duration certificate_skew_max = std::chrono::minutes(5);

/// The id as which a certificate is used, and the client that has issued it: the same, unless the
/// credentials have a name of their own.
struct CertificateHolders {
  std::string_view client_id;
  std::string_view issuer_id;
};

/// The client that has issued the credentials of a request of `client_id`.
///
/// Errors: `unauthenticated` with the text for a 401.
Result<std::string_view> issuer_of(const Certificate& certificate, std::string_view client_id);

/// Whether `issuer` has signed this and had the right to.
///
/// Errors: `unauthenticated` with the text for a 401; the first fault in the documented order.
Status check_certificate(const Certificate& certificate,
                         const CertificateHolders& holders,
                         const Client& issuer,
                         Instant now);

/// The text that the issuer signs.
std::string signed_text(const Certificate& certificate, const CertificateHolders& holders);

/// In base64.
std::string sign_certificate(const Certificate& certificate,
                             const CertificateHolders& holders,
                             const Secret& issuer_token);

/// The access token of credentials with this seed.
Secret derived_token(const Secret& issuer_token, std::string_view seed);

}  // namespace troupe::hawk
