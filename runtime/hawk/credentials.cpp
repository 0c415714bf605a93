#include "runtime/hawk/credentials.h"

#include "runtime/hawk/certificate.h"
#include "runtime/hawk/ext.h"
#include "runtime/hawk/refusal.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace troupe::hawk {
namespace {

// What has been found so far.
struct Credentials {
  std::shared_ptr<const Client> issuer;
  std::optional<Secret> derived;  // of temporary credentials
  HeldScopes scopes;
  Instant expires;
};

Status check_client(const std::shared_ptr<const Client>& client,
                    std::string_view client_id,
                    Instant now) {
  if (!client) return refused(fmt::format("Client with clientId '{}' not found", client_id));
  if (client->disabled) {
    return refused(fmt::format("Client with clientId '{}' is disabled", client_id));
  }
  if (client->expires < now) {
    return refused(fmt::format("Client with clientId: '{}' has expired", client_id));
  }
  return Done{};
}

Status apply_certificate(const Certificate& certificate,
                         const CertificateHolders& holders,
                         const Realm& realm,
                         Instant now,
                         Credentials& credentials) {
  auto checked = check_certificate(certificate, holders, *credentials.issuer, now);
  if (!checked) return checked;
  credentials.derived = derived_token(credentials.issuer->access_token, certificate.seed);
  credentials.scopes = realm.expand(with_anonymous(certificate.scopes));
  // A checked expiry is near `now`, so it fits.
  const Instant expiry{static_cast<std::int64_t>(certificate.expiry)};
  credentials.expires = std::min(credentials.expires, expiry);
  return Done{};
}

Status apply_authorized_scopes(const AuthorizedScopes& authorized,
                               const Realm& realm,
                               Credentials& credentials) {
  if (!authorized.fault.empty()) return refused(authorized.fault);
  const ScopeSet& available = credentials.scopes.set;
  const bool held =
      std::all_of(authorized.scopes.begin(), authorized.scopes.end(),
                  [&available](const std::string& scope) { return available.satisfies(scope); });
  if (!held) {
    return refused(fmt::format(
        "Supplied credentials do not satisfy authorizedScopes; credentials have scopes:\n\n"
        "```\n{}\n```\n\nauthorizedScopes are:\n\n```\n{}\n```",
        fmt::join(credentials.scopes.list(), "\n"), fmt::join(authorized.scopes, "\n")));
  }
  credentials.scopes = realm.expand(with_anonymous(authorized.scopes));
  return Done{};
}

}  // namespace

Result<KnownCredentials> find_credentials(std::string_view client_id,
                                          std::string_view ext_text,
                                          const Realm& realm,
                                          Instant now) {
  Ext ext;
  if (!ext_text.empty()) {
    auto parsed = parse_ext(ext_text);
    if (!parsed) return std::move(parsed).error();
    ext = std::move(parsed).value();
  }
  std::string_view issuer_id = client_id;
  if (ext.certificate) {
    const auto issuer = issuer_of(*ext.certificate, client_id);
    if (!issuer) return issuer.error();
    issuer_id = issuer.value();
  }

  Credentials credentials{
      .issuer = realm.find(issuer_id), .derived = {}, .scopes = {}, .expires = {}};
  Status status = check_client(credentials.issuer, issuer_id, now);
  if (!status) return status.error();
  credentials.scopes = credentials.issuer->with_anonymous;
  credentials.expires = credentials.issuer->expires;
  if (ext.certificate) {
    status = apply_certificate(*ext.certificate, {client_id, issuer_id}, realm, now, credentials);
  }
  if (status && ext.authorized_scopes) {
    status = apply_authorized_scopes(*ext.authorized_scopes, realm, credentials);
  }
  if (!status) return status.error();
  Secret key =
      credentials.derived ? std::move(*credentials.derived) : credentials.issuer->access_token;
  return KnownCredentials{std::move(key), std::move(credentials.scopes), credentials.expires,
                          ext.certificate.has_value()};
}

}  // namespace troupe::hawk
