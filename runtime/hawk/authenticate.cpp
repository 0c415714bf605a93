#include "runtime/hawk/authenticate.h"

#include "runtime/base/result.h"
#include "runtime/hawk/bewit.h"
#include "runtime/hawk/credentials.h"
#include "runtime/hawk/header.h"
#include "runtime/hawk/refusal.h"

#include <utility>

namespace troupe::hawk {
namespace {

Result<Success> by_header(const Request& request, const Realm& realm, Instant now) {
  const auto parsed = parse_header(request.authorization);
  if (!parsed) return parsed.error();
  const Header& header = parsed.value();
  auto found = find_credentials(header.id, header.ext, realm, now);
  if (!found) return std::move(found).error();
  KnownCredentials& credentials = found.value();

  const std::string mac = request_mac(Scheme::header, credentials.key,
                                      {.ts = header.ts,
                                       .nonce = header.nonce,
                                       .method = request.method,
                                       .resource = request.resource,
                                       .host = request.host,
                                       .port = request.port,
                                       .hash = header.hash,
                                       .ext = header.ext,
                                       .app = header.app,
                                       .dlg = header.dlg});
  if (!same_proof(mac, header.mac)) return unproven("Bad mac");
  const auto ts = parse_seconds(header.ts);
  if (!ts || *ts < now - timestamp_skew_max || *ts > now + timestamp_skew_max) {
    return unproven("Stale timestamp");
  }
  return Success{.client_id = std::string(header.id),
                 .scopes = std::move(credentials.scopes),
                 .expires = credentials.expires,
                 .hash = std::string(header.hash),
                 .scheme = Scheme::header,
                 .is_temporary = credentials.is_temporary};
}

Result<Success> by_bewit(const Request& request, const Realm& realm, Instant now) {
  auto parsed = parse_bewit(request.method, request.resource);
  if (!parsed) return std::move(parsed).error();
  Bewit& bewit = parsed.value();
  auto found = find_credentials(bewit.id, bewit.ext, realm, now);
  if (!found) return std::move(found).error();
  KnownCredentials& credentials = found.value();

  // Also a HEAD is signed as GET: who may see a body may see its headers.
  const std::string mac = request_mac(Scheme::bewit, credentials.key,
                                      {.ts = bewit.expires,
                                       .nonce = {},
                                       .method = "GET",
                                       .resource = bewit.resource,
                                       .host = request.host,
                                       .port = request.port,
                                       .hash = {},
                                       .ext = bewit.ext,
                                       .app = {},
                                       .dlg = {}});
  if (!same_proof(mac, bewit.mac)) return unproven("Bad mac");
  const auto expires = parse_seconds(bewit.expires);
  if (!expires || *expires <= now) return unproven("Access expired");
  return Success{.client_id = std::move(bewit.id),
                 .scopes = std::move(credentials.scopes),
                 .expires = credentials.expires,
                 .hash = {},
                 .scheme = Scheme::bewit,
                 .is_temporary = credentials.is_temporary};
}

Outcome outcome_of(Result<Success> result) {
  if (!result) return Failure{std::move(result).error().detail};
  return std::move(result).value();
}

}  // namespace

Outcome authenticate(const Request& request, const Realm& realm, Instant now) {
  if (!request.authorization.empty()) return outcome_of(by_header(request, realm, now));
  if (has_bewit(request.resource)) return outcome_of(by_bewit(request, realm, now));
  return NoAuth{.scopes = realm.expand(with_anonymous({})), .expires = now + no_auth_duration};
}

}  // namespace troupe::hawk
