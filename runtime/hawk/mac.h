// The proof that a request comes from who knows a secret: an HMAC-SHA256 over what matters of it.
//
// Source: spec/api-framework.md, "Hawk header scheme" and "Signed URLs".
#pragma once

#include "runtime/base/secret.h"
#include "runtime/base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::hawk {

enum class Scheme : std::uint8_t {
  header,  // in `Authorization`, for any request, valid around `ts`
  bewit,   // in the URL, for GET and HEAD, valid until `ts`
};

/// What a MAC covers. All borrowed.
struct SignedParts {
  std::string_view ts;        // seconds, as text: it is signed as it was sent
  std::string_view nonce;     // empty in a bewit
  std::string_view method;    // in any case
  std::string_view resource;  // path and query as sent, without the bewit
  std::string_view host;      // in any case
  std::uint16_t port = 0;
  std::string_view hash;
  std::string_view ext;
  std::string_view app;
  std::string_view dlg;  // counts only beside `app`
};

/// The time that `ts` names; nothing unless it is digits alone and in reach of milliseconds.
std::optional<Instant> parse_seconds(std::string_view ts);

/// The text that is signed, one part a line.
std::string normalized_text(Scheme scheme, const SignedParts& parts);

/// In base64, 44 characters.
std::string request_mac(Scheme scheme, const Secret& key, const SignedParts& parts);

/// Compares two MACs, signatures or hashes in base64 in a time that does not depend on where they
/// differ, which would let a caller find the right one piece by piece. Sizes are compared first:
/// how long the right one is, everybody knows.
bool same_proof(std::string_view expected, std::string_view given);

/// The hash of a body, in base64. Of `content_type` only what is before `;` counts.
std::string payload_hash(std::string_view content_type, std::string_view body);

/// Compares the body that came with the hash that was signed; the fault, as text for a 401.
///
/// Also for a hash of a strange length, which can be no body's.
std::optional<std::string> payload_fault(std::string_view signed_hash,
                                         std::string_view content_type,
                                         std::string_view body);

/// The same for a body whose hash is known: `computed`.
std::optional<std::string> payload_fault(std::string_view signed_hash, const std::string& computed);

}  // namespace troupe::hawk
