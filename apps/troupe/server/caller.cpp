#include "apps/troupe/server/caller.h"

#include "apps/troupe/server/call.h"
#include "apps/troupe/server/realm.h"
#include "runtime/api/parameters.h"
#include "runtime/hawk/bewit.h"
#include "runtime/hawk/credentials.h"
#include "runtime/hawk/endpoint.h"
#include "runtime/hawk/header.h"
#include "runtime/hawk/mac.h"

#include <optional>
#include <utility>

namespace troupe::server {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw_error({Errc::unauthenticated, why});
}

class SessionCaller final : public Caller {
 public:
  /// `end`: of what proved it, if that has an end of its own.
  SessionCaller(Site& site, SessionKey key, Instant end = {})
      : Caller(site), key_(std::move(key)), end_(end) {}

  const api::Credentials& credentials() override {
    if (end_ && end_ <= site_.now()) refuse("Access expired");
    auto found = take(hawk::find_credentials(key_.client_id, key_.ext, site_.realm, site_.now()));
    if (!(found.key == key_.token)) {
      refuse("Client with clientId '" + key_.client_id + "' has another access token by now");
    }
    credentials_ = {key_.client_id, found.scopes.set, found.expires,
                    false,          api::Scheme::rpc, found.is_temporary};
    return credentials_;
  }

  hawk::Outcome authenticate(const hawk::Realm&) override {
    throw_error({Errc::invalid, "this checks how a request is signed: call it over HTTP"});
  }

 private:
  const SessionKey key_;
  const Instant end_;
  api::Credentials credentials_;
};

class RequestCaller final : public Caller {
 public:
  RequestCaller(Site& site, const http::Request& request) : Caller(site), request_(request) {}

  const api::Credentials& credentials() override {
    if (!credentials_) credentials_ = read(authenticate(site_.realm));
    return *credentials_;
  }

  hawk::Outcome authenticate(const hawk::Realm& realm) override {
    const auto authorization = request_.header("authorization");
    if (hawk::has_two_schemes(request_.target, authorization)) {
      return hawk::Failure{std::string(hawk::two_schemes_text)};
    }
    const auto endpoint =
        take(hawk::endpoint_of({.host = request_.host,
                                .forwarded_port = request_.header("x-forwarded-port"),
                                .forwarded_proto = request_.header("x-forwarded-proto"),
                                .is_tls = request_.is_tls}));
    auto outcome = hawk::authenticate({.method = request_.verb,
                                       .resource = request_.target,
                                       .host = endpoint.host,
                                       .port = endpoint.port,
                                       .authorization = authorization},
                                      realm, site_.now());
    if (const auto* success = std::get_if<hawk::Success>(&outcome)) {
      if (const auto problem = payload_problem(success->hash)) return hawk::Failure{*problem};
    }
    return outcome;
  }

 private:
  // Only a body that counts as JSON is part of what was signed.
  std::optional<std::string> payload_problem(const std::string& hash) const {
    if (hash.empty()) return std::nullopt;
    if (!request_.body_hash.empty()) return hawk::payload_fault(hash, request_.body_hash);
    const auto type = request_.header("content-type");
    const std::string_view body = api::is_json_type(type) ? request_.body : std::string_view();
    return hawk::payload_fault(hash, type, body);
  }

  static api::Credentials read(hawk::Outcome outcome) {
    if (const auto* failure = std::get_if<hawk::Failure>(&outcome)) refuse(failure->message);
    if (auto* success = std::get_if<hawk::Success>(&outcome)) {
      return {std::move(success->client_id),
              success->scopes.set,
              success->expires,
              false,
              success->scheme == hawk::Scheme::bewit ? api::Scheme::bewit : api::Scheme::hawk,
              success->is_temporary};
    }
    const auto& nobody = std::get<hawk::NoAuth>(outcome);
    return {api::anonymous_client_id, nobody.scopes.set, nobody.expires, true};
  }

  const http::Request& request_;
  std::optional<api::Credentials> credentials_;
};

// Nobody has signed it: what everybody may do is asked anew.
class AnonymousCaller final : public Caller {
 public:
  using Caller::Caller;

  const api::Credentials& credentials() override {
    credentials_ = {api::anonymous_client_id, site_.realm.expand(hawk::with_anonymous({})).set,
                    site_.now() + hawk::no_auth_duration, true};
    return credentials_;
  }

  hawk::Outcome authenticate(const hawk::Realm&) override {
    throw_error({Errc::invalid, "there is no signed request"});
  }

 private:
  api::Credentials credentials_;
};

SessionKey key_of(Site& site, std::string client_id, std::string ext) {
  auto found = take(hawk::find_credentials(client_id, ext, site.realm, site.now()));
  return {std::move(client_id), std::move(ext), std::move(found.key)};
}

}  // namespace

std::vector<std::string> Caller::roles_granting(std::string_view scope) {
  return site_.realm.roles_granting(scope);
}

std::shared_ptr<Caller> make_session_caller(Site& site, SessionKey key) {
  return std::make_shared<SessionCaller>(site, std::move(key));
}

std::shared_ptr<Caller> make_standing_caller(Site& site, const http::Request& request) {
  const auto authorization = request.header("authorization");
  if (!authorization.empty()) {
    const auto header = take(hawk::parse_header(authorization));
    return make_session_caller(site, key_of(site, std::string(header.id), std::string(header.ext)));
  }
  if (hawk::has_bewit(request.target)) {
    const auto bewit = take(hawk::parse_bewit(request.verb, request.target));
    return std::make_shared<SessionCaller>(site, key_of(site, bewit.id, bewit.ext),
                                           hawk::parse_seconds(bewit.expires).value_or(Instant{}));
  }
  return std::make_shared<AnonymousCaller>(site);
}

std::unique_ptr<Caller> make_request_caller(Site& site, const http::Request& request) {
  return std::make_unique<RequestCaller>(site, request);
}

}  // namespace troupe::server
