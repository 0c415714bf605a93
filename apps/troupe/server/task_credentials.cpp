#include "apps/troupe/server/task_credentials.h"

#include "runtime/base/random.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace troupe::server {
namespace {

// Seconds since 1970, with as many digits of a fraction as it takes.
std::string epoch_seconds(Instant t) {
  std::string text = fmt::format("{}.{:03}", t.ms / 1'000, t.ms % 1'000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

QueueGrant grant_of(const ClaimGrant& claim) {
  const std::string run = claim.task_id + "/" + std::to_string(claim.run_id);
  QueueGrant grant;
  grant.client_id = "task-client/" + run + "/on/" + claim.worker_group + "/" + claim.worker_id +
                    "/until/" + epoch_seconds(claim.taken_until);
  for (const char* what :
       {"queue:reclaim-task:", "queue:resolve-task:", "queue:create-artifact:"}) {
    grant.scopes.push_back(what + run);
  }
  grant.scopes.insert(grant.scopes.end(), claim.task_scopes.begin(), claim.task_scopes.end());
  grant.expires = claim.taken_until;
  return grant;
}

Result<hawk::Credentials> issue(const hawk::Realm& realm, const QueueGrant& grant, Instant now) {
  const auto queue = realm.find(queue_client_name);
  if (queue == nullptr) {
    return Error{Errc::internal, std::string("there is no client ") + queue_client_name};
  }
  hawk::Credentials issuer;
  issuer.client_id = queue_client_name;
  issuer.access_token = queue->access_token;
  return hawk::make_temporary(issuer,
                              {.client_id = grant.client_id,
                               .scopes = grant.scopes,
                               .start = std::min(now, grant.expires),
                               .expiry = grant.expires},
                              new_token());
}

namespace {

template <class Builder>
Status issue_to(const hawk::Realm& realm, const QueueGrant& grant, Instant now, Builder out) {
  const auto issued = issue(realm, grant, now);
  if (!issued.ok()) return issued.error();
  out.setClientId(issued.value().client_id);
  out.setAccessToken(std::string(issued.value().access_token.reveal()));
  out.setCertificate(issued.value().certificate);
  return Done{};
}

}  // namespace

Status issue(const hawk::Realm& realm,
             const QueueGrant& grant,
             Instant now,
             schema::TaskCredentials::Builder out) {
  return issue_to(realm, grant, now, out);
}

Status issue(const hawk::Realm& realm,
             const QueueGrant& grant,
             Instant now,
             schema::ObjectCredentials::Builder out) {
  return issue_to(realm, grant, now, out);
}

}  // namespace troupe::server
