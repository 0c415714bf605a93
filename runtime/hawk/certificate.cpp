#include "runtime/hawk/certificate.h"

#include "runtime/base/hash.h"
#include "runtime/hawk/mac.h"
#include "runtime/hawk/refusal.h"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::hawk {
namespace {

// As JavaScript prints it: without a fraction if there is none.
std::string plain_decimal(double number) {
  constexpr double exact_max = 9007199254740992.0;  // 2^53
  if (number >= -exact_max && number <= exact_max) {
    const auto whole = static_cast<std::int64_t>(number);
    if (static_cast<double>(whole) == number) return fmt::format("{}", whole);
  }
  return fmt::format("{}", number);
}

double ms(Instant t) {
  return static_cast<double>(t.ms);
}
double ms(Duration d) {
  return static_cast<double>(d.count());
}

Status check_time(const Certificate& certificate, Instant now) {
  if (certificate.start > ms(now + certificate_skew_max)) {
    return refused("ext.certificate.start > now");
  }
  if (certificate.expiry < ms(now - certificate_skew_max)) {
    return refused("ext.certificate.expiry < now");
  }
  if (certificate.expiry - certificate.start > ms(certificate_duration_max)) {
    return refused("ext.certificate cannot last longer than 31 days!");
  }
  return Done{};
}

Status check_name(const Certificate& certificate,
                  const CertificateHolders& holders,
                  const Client& issuer) {
  if (holders.issuer_id != holders.client_id) {
    const std::string needed = "auth:create-client:" + std::string(holders.client_id);
    if (issuer.scopes.satisfies(needed)) return Done{};
    return refused(
        fmt::format("ext.certificate issuer `{}` doesn't have `{}` for supplied clientId.",
                    holders.issuer_id, needed));
  }
  if (certificate.has_client_id) {
    return refused("ext.certificate.clientId must only be used with ext.certificate.issuer");
  }
  return Done{};
}

Status check_scopes(const Certificate& certificate,
                    const CertificateHolders& holders,
                    const Client& issuer) {
  const bool held =
      std::all_of(certificate.scopes.begin(), certificate.scopes.end(),
                  [&issuer](const std::string& scope) { return issuer.scopes.satisfies(scope); });
  if (held) return Done{};
  return refused(
      fmt::format("ext.certificate issuer `{}` doesn't satisfy all certificate scopes {}.  The "
                  "temporary credentials were not generated correctly.",
                  holders.issuer_id, fmt::join(certificate.scopes, ", ")));
}

Status check_signature(const Certificate& certificate,
                       const CertificateHolders& holders,
                       const Client& issuer) {
  if (certificate.signature &&
      same_proof(sign_certificate(certificate, holders, issuer.access_token),
                 *certificate.signature)) {
    return Done{};
  }
  const bool named = certificate.issuer.has_value();
  return refused(std::string("ext.certificate.signature is not valid") +
                 (named ? ", or wrong clientId provided" : ""));
}

}  // namespace

Result<std::string_view> issuer_of(const Certificate& certificate, std::string_view client_id) {
  if (!certificate.issuer_fault.empty()) return refused(certificate.issuer_fault);
  if (!certificate.issuer) return client_id;
  if (*certificate.issuer == client_id) {
    return refused("ext.certificate.issuer must differ from the supplied clientId");
  }
  return std::string_view(*certificate.issuer);
}

Status check_certificate(const Certificate& certificate,
                         const CertificateHolders& holders,
                         const Client& issuer,
                         Instant now) {
  if (!certificate.fault.empty()) return refused(certificate.fault);
  Status status = check_time(certificate, now);
  if (status) status = check_name(certificate, holders, issuer);
  if (status) status = check_scopes(certificate, holders, issuer);
  if (status) status = check_signature(certificate, holders, issuer);
  return status;
}

// No line break at the end, also behind `scopes:` if there are none. (Some clients sign one there;
// the reference implementation refuses that, and its published vectors with it.)
std::string signed_text(const Certificate& certificate, const CertificateHolders& holders) {
  std::string text = "version:1";
  if (holders.issuer_id != holders.client_id) {
    text.append("\nclientId:").append(holders.client_id);
    text.append("\nissuer:").append(holders.issuer_id);
  }
  text.append("\nseed:").append(certificate.seed);
  text.append("\nstart:").append(plain_decimal(certificate.start));
  text.append("\nexpiry:").append(plain_decimal(certificate.expiry));
  text.append("\nscopes:");
  for (const std::string& scope : certificate.scopes) text.append("\n").append(scope);
  return text;
}

std::string sign_certificate(const Certificate& certificate,
                             const CertificateHolders& holders,
                             const Secret& issuer_token) {
  return to_base64(hmac_sha256(issuer_token.reveal(), signed_text(certificate, holders)));
}

Secret derived_token(const Secret& issuer_token, std::string_view seed) {
  std::string token = to_base64url(hmac_sha256(issuer_token.reveal(), seed));
  return Secret::taken_from(token);
}

}  // namespace troupe::hawk
