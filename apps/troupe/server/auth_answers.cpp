#include "apps/troupe/server/auth_answers.h"

#include "apps/troupe/server/call.h"
#include "runtime/hawk/authenticate.h"
#include "runtime/process/log.h"
#include "runtime/transcode/json.h"

#include <utility>

namespace troupe::server {
namespace {

// Known to all clients' own tests. Source: spec/auth.md, "testAuthenticate".
constexpr const char* tester = "tester";
constexpr const char* tester_token = "no-secret";

void fill_success(const hawk::Success& success, schema::HawkSuccess::Builder out) {
  out.setScheme("hawk");
  out.setClientId(text(success.client_id));
  out.setExpires(success.expires.ms);
  out.setHash(text(success.hash));
  fill_scopes(success.scopes.list(), [&](unsigned n) { return out.initScopes(n); });
}

}  // namespace

ScopeSet shown_expansion(Site& site, const std::vector<std::string>& scopes) {
  try {
    return site.realm.expansion(scopes);
  } catch (const kj::Exception& e) {
    log_event(LogLevel::warning, "scopes_not_expanded",
              {{"first", scopes.empty() ? std::string() : scopes.front()},
               {"detail", error_from(e).detail}});
    return ScopeSet::of(scopes);
  }
}

void fill_role(Site& site, const auth::RoleState& role, schema::Role::Builder out) {
  out.setRoleId(text(role.role_id));
  out.setDescription(text(role.description));
  out.setCreated(role.created.ms);
  out.setLastModified(role.last_modified.ms);
  fill_scopes(role.scopes, [&](unsigned n) { return out.initScopes(n); });
  fill_scopes(shown_expansion(site, {"assume:" + role.role_id}),
              [&](unsigned n) { return out.initExpandedScopes(n); });
}

void fill_audit(const auth::AuditEntry& entry, schema::AuditEntry::Builder out) {
  out.setClientId(text(entry.client_id));
  out.setActionType(text(entry.action));
  out.setCreated(entry.created.ms);
  out.setEntityId(text(entry.entity_id));
  out.setEntityType(text(entry.entity_type));
}

void authenticate(schema::HawkRequest::Reader payload,
                  Site& site,
                  schema::HawkResponse::Builder out) {
  const std::string method = enum_name(payload.getMethod());
  auto outcome = hawk::authenticate({.method = method,
                                     .resource = view(payload.getResource()),
                                     .host = view(payload.getHost()),
                                     .port = payload.getPort(),
                                     .authorization = view(payload.getAuthorization())},
                                    site.realm, site.now());
  if (const auto* success = std::get_if<hawk::Success>(&outcome)) {
    return fill_success(*success, out.initSuccess());
  }
  if (const auto* failure = std::get_if<hawk::Failure>(&outcome)) {
    return out.initFailure().setMessage(text(failure->message));
  }
  const auto& nobody = std::get<hawk::NoAuth>(outcome);
  auto absence = out.initAbsence();
  absence.setScheme("none");
  absence.setExpires(nobody.expires.ms);
  fill_scopes(nobody.scopes.list(), [&](unsigned n) { return absence.initScopes(n); });
}

void test_authentication(Caller& caller,
                         std::vector<std::string> scopes,
                         const std::vector<std::string>& required,
                         schema::TestResponse::Builder out) {
  const hawk::LoneClientRealm realm(tester, Secret(tester_token), scopes);
  const auto outcome = caller.authenticate(realm);
  std::vector<ScopeExpression> needed;
  for (const auto& scope : required) needed.push_back(ScopeExpression::one(scope));
  api::Credentials credentials;
  hawk::HeldScopes held;
  if (const auto* failure = std::get_if<hawk::Failure>(&outcome)) {
    throw_error({Errc::unauthenticated, failure->message});
  }
  if (const auto* success = std::get_if<hawk::Success>(&outcome)) {
    credentials = {success->client_id, success->scopes.set, success->expires, false};
    held = success->scopes;
  } else {
    const auto& nobody = std::get<hawk::NoAuth>(outcome);
    credentials = {api::anonymous_client_id, nobody.scopes.set, nobody.expires, true};
    held = nobody.scopes;
  }
  api::require_scopes(ScopeExpression::all_of(std::move(needed)), credentials);
  out.setClientId(text(credentials.client_id));
  fill_scopes(held.list(), [&](unsigned n) { return out.initScopes(n); });
}

}  // namespace troupe::server
