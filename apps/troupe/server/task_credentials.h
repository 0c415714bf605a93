// The temporary credentials that the queue hands out: with a claim, what its worker reclaims and
// reports with, and what the task itself may do (source: spec/queue.md, 7.2); with an artifact,
// what its bytes are sent and fetched with.
#pragma once

#include "runtime/base/result.h"
#include "runtime/hawk/realm.h"
#include "runtime/hawk/sign.h"
#include "schema/api/queue.capnp.h"

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::server {

/// The client that issues them, one of the platform's own: nobody ever sees its token.
inline constexpr const char* queue_client_name = "static/taskcluster/queue";

/// Credentials that the queue's client is to issue.
struct QueueGrant {
  std::string client_id;            // for logs; nobody of that name need exist
  std::vector<std::string> scopes;  // verbatim
  Instant expires;
};

/// What the holder of a claim may do until `taken_until`. `task_scopes` are those of its task.
struct ClaimGrant {
  std::string task_id;
  std::uint32_t run_id = 0;
  std::string worker_group;
  std::string worker_id;
  Instant taken_until;
  std::vector<std::string> task_scopes;
};
QueueGrant grant_of(const ClaimGrant& claim);

/// Errors: `internal` if the queue's client is not there, or its token cannot be read.
Result<hawk::Credentials> issue(const hawk::Realm& realm, const QueueGrant& grant, Instant now);

/// Issues, and writes what was issued.
Status issue(const hawk::Realm& realm,
             const QueueGrant& grant,
             Instant now,
             schema::TaskCredentials::Builder out);
Status issue(const hawk::Realm& realm,
             const QueueGrant& grant,
             Instant now,
             schema::ObjectCredentials::Builder out);

}  // namespace troupe::server
