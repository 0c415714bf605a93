// The object service: names of immutable bytes, which come and go under signed URLs.
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/api/call.h"

#include <kj/async.h>

#include <string>

namespace troupe::server {

/// Answers one call of the object service's. Borrows both, which outlive it.
kj::Own<capnp::Capability::Server> serve_object(Site& site, api::Call& call);

/// An upload that the platform itself begins for somebody.
struct ObjectReservation {
  std::string name;
  std::string project_id;
  std::string upload_id;
  Instant expires;
};

/// Reserves the name, so that nobody else uploads it. Errors: `conflict` as of createUpload, but
/// not if it is this upload that is finished.
kj::Promise<void> reserve_object(Site& site, const ObjectReservation& reservation);

/// The object of an artifact: `t/TASKID/RUN/NAME`.
std::string artifact_object_name(const std::string& task_id,
                                 std::uint32_t run,
                                 const std::string& name);

}  // namespace troupe::server
