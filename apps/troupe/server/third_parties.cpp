#include "apps/troupe/server/third_parties.h"

#include "apps/troupe/server/call.h"
#include "runtime/base/hash.h"
#include "runtime/base/json_writer.h"

#include <capnp/dynamic.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace troupe::server {
namespace {

constexpr Duration tunnel_token_life = std::chrono::hours(96);
constexpr Duration tunnel_token_early = std::chrono::minutes(15);  // clocks differ

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// `contents:read`, as scopes have it.
std::vector<std::string> permissions_of(capnp::DynamicStruct::Reader permissions) {
  std::vector<std::string> all;
  for (const auto field : permissions.getSchema().getFields()) {
    const auto value = permissions.get(field).as<capnp::DynamicEnum>();
    if (value.getRaw() == 0) continue;
    // GitHub's names have underscores where ours have humps.
    std::string name;
    for (const char c : field.getProto().getName()) {
      if (c >= 'A' && c <= 'Z') name += '_';
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    KJ_IF_MAYBE (level, value.getEnumerant()) {
      all.push_back(name + ":" + std::string(level->getProto().getName().cStr()));
    }
  }
  return all;
}

}  // namespace

ScopeParameters level_values(capnp::Text::Reader level) {
  ScopeParameters values;
  values.boolean("levelIsReadOnly", view(level) == "read-only");
  return values;
}

ScopeParameters github_values(schema::Auth::GithubRepoTokenParams::Reader params) {
  const auto permissions = permissions_of(params.getPayload().getPermissions());
  std::vector<std::string> wanted;
  for (const auto repository : params.getPayload().getRepositories()) {
    for (const auto& permission : permissions) {
      wanted.push_back(lower(str(repository)) + ":" + permission);
    }
  }
  ScopeParameters values;
  values.text("appName", str(params.getAppName())).text("owner", lower(str(params.getOwner())));
  values.list("repoPerms", std::move(wanted));
  return values;
}

void fill_tunnel_token(Site& site,
                       const std::string& audience,
                       const std::string& client,
                       const std::string& caller,
                       schema::TunnelToken::Builder out) {
  if (site.websocktunnel_secret.empty()) {
    throw_error({Errc::internal, "auth.websocktunnel_secret is not configured"});
  }
  const auto seconds = [](Instant t) { return t.ms / 1000; };
  const Instant now = site.now();
  const std::int64_t expires = seconds(now + tunnel_token_life);
  JsonWriter claims;
  claims.begin_object().key("tid").string(client).key("aud").string(audience);
  claims.key("sub").string(caller).key("iat").int64(seconds(now)).key("exp").int64(expires);
  claims.key("nbf").int64(seconds(now - tunnel_token_early));
  claims.key("iss").string("taskcluster-auth").end_object();
  const std::string signed_part = to_base64url(as_bytes(R"({"alg":"HS256","typ":"JWT"})")) + "." +
                                  to_base64url(as_bytes(claims.take()));
  const auto mac = hmac_sha256(site.websocktunnel_secret.reveal(), signed_part);
  out.setWstClient(text(client));
  out.setWstAudience(text(audience));
  out.setToken(text(signed_part + "." + to_base64url(mac)));
  out.setExpires(expires * 1000);
}

}  // namespace troupe::server
