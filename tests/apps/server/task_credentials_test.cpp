#include "apps/troupe/server/task_credentials.h"

#include "apps/troupe/server/sightings.h"
#include "runtime/hawk/authenticate.h"
#include "runtime/hawk/realm.h"

#include <catch2/catch.hpp>

#include <string>
#include <variant>
#include <vector>

namespace troupe::server {
namespace {

using Scopes = std::vector<std::string>;

constexpr Instant now{1'800'000'000'000};
const Instant until = now + std::chrono::minutes{20};
const hawk::LoneClientRealm queue_realm(queue_client_name, Secret("no-secret"), {"*"});

ClaimGrant claim(Instant taken_until = until, Scopes task_scopes = {"b:*", "a", "a"}) {
  return {"fN1SbArXTPSVFNUvaOlinQ", 3, "group", "worker", taken_until, std::move(task_scopes)};
}

hawk::Credentials issued(const ClaimGrant& grant) {
  auto credentials = issue(queue_realm, grant_of(grant), now);
  REQUIRE(credentials.ok());
  return std::move(credentials).value();
}

// What the platform makes of a request that is signed so at `at`.
hawk::Outcome outcome(const hawk::Credentials& credentials, Instant at) {
  const auto header = hawk::sign_request(
      credentials, {.method = "POST", .resource = "/x", .host = "h", .port = 80}, at, "nonce");
  return hawk::authenticate(
      {.method = "POST", .resource = "/x", .host = "h", .port = 80, .authorization = header},
      queue_realm, at);
}

TEST_CASE("the credentials of a claim are good for its run and its task", "[task_credentials]") {
  const auto credentials = issued(claim());
  CHECK(credentials.client_id ==
        "task-client/fN1SbArXTPSVFNUvaOlinQ/3/on/group/worker/until/1800001200");
  CHECK(credentials.certificate.find(R"("issuer":"static/taskcluster/queue")") !=
        std::string::npos);
  const auto answer = outcome(credentials, now);
  const auto* success = std::get_if<hawk::Success>(&answer);
  REQUIRE(success != nullptr);
  CHECK(success->client_id == credentials.client_id);
  CHECK(success->expires == until);
  const std::string run = "fN1SbArXTPSVFNUvaOlinQ/3";
  for (const std::string& held : Scopes{"queue:reclaim-task:" + run, "queue:resolve-task:" + run,
                                        "queue:create-artifact:" + run, "a", "b:c"}) {
    INFO(held);
    CHECK(success->scopes.set.satisfies(held));
  }
  for (const std::string& other :
       Scopes{"queue:reclaim-task:fN1SbArXTPSVFNUvaOlinQ/4", "queue:claim-work:a/b", "*", "c"}) {
    INFO(other);
    CHECK_FALSE(success->scopes.set.satisfies(other));
  }
}

TEST_CASE("the credentials of a claim end with it", "[task_credentials]") {
  const auto credentials = issued(claim());
  // Clocks may differ a little: see hawk::certificate_skew_max.
  const auto late = outcome(credentials, until + std::chrono::minutes{5} + Duration{1});
  CHECK(std::holds_alternative<hawk::Failure>(late));
  // An answer that is repeated as the claim runs out is no fault of ours.
  CHECK(issue(queue_realm, grant_of(claim(now - Duration{1})), now).ok());
}

TEST_CASE("each time there are other credentials", "[task_credentials]") {
  CHECK_FALSE(issued(claim()).access_token == issued(claim()).access_token);
}

TEST_CASE("the name of credentials says until when, to the millisecond", "[task_credentials]") {
  const auto [ms, text] = GENERATE(table<std::int64_t, std::string>({
      {1'800'000'000'000, "1800000000"},
      {1'800'000'000'500, "1800000000.5"},
      {1'800'000'000'050, "1800000000.05"},
      {1'800'000'000'123, "1800000000.123"},
      {1'800'000'010'000, "1800000010"},
  }));
  CHECK(grant_of(claim(Instant{ms})).client_id.ends_with("/until/" + text));
}

TEST_CASE("scopes of a task are handed on verbatim, behind those of the run",
          "[task_credentials]") {
  const std::string run = "fN1SbArXTPSVFNUvaOlinQ/3";
  CHECK(grant_of(claim()).scopes == Scopes{"queue:reclaim-task:" + run, "queue:resolve-task:" + run,
                                           "queue:create-artifact:" + run, "b:*", "a", "a"});
}

TEST_CASE("without the queue's client there are no credentials", "[task_credentials]") {
  const hawk::LoneClientRealm other("static/other", Secret("no-secret"), {"*"});
  CHECK(issue(other, grant_of(claim()), now).error().code == Errc::internal);
}

TEST_CASE("who was seen a moment ago is not written down again", "[sightings]") {
  Sightings sightings;
  CHECK(sightings.is_due("a", Duration{0}));
  CHECK(sightings.is_due("b", Duration{1}));
  CHECK_FALSE(sightings.is_due("a", Sightings::frequency - Duration{1}));
  CHECK(sightings.is_due("a", Sightings::frequency));
  CHECK_FALSE(sightings.is_due("a", Sightings::frequency + Duration{1}));
  sightings.forget("a");
  CHECK(sightings.is_due("a", Sightings::frequency + Duration{2}));
  for (std::size_t i = 0; i < Sightings::known_max; ++i) {
    CHECK(sightings.is_due(std::to_string(i), Duration{2}));
  }
}

}  // namespace
}  // namespace troupe::server
