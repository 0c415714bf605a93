// The methods of the event log: pages and long polls, and streams over RPC.
#pragma once

#include "apps/troupe/server/site.h"
#include "runtime/api/call.h"
#include "runtime/http/message.h"
#include "schema/api/troupe.capnp.h"

#include <capnp/capability.h>
#include <kj/async.h>
#include <kj/time.h>

namespace troupe::server {

using EventsContext =
    capnp::CallContext<schema::Troupe::EventsParams, schema::Troupe::EventsResults>;
using SubscribeContext =
    capnp::CallContext<schema::Troupe::SubscribeParams, schema::Troupe::SubscribeResults>;

/// Answers one page. Waits up to `wait` seconds, a minute at most, for its first entry.
kj::Promise<void> serve_events(Site& site, api::Call& call, EventsContext context);

/// Pushes pages until the caller is gone, has no right to them any more, or has fallen behind what
/// is kept. No more is read than the caller's end takes.
kj::Promise<void> serve_subscriber(Site& site, api::Call& call, SubscribeContext context);

/// Throws unless the caller may still read the log.
void check_reader(const api::Method& method, const api::Credentials& credentials);

/// The answer over HTTP to a position that is not kept: an error's, and where the log begins as
/// `oldest`.
http::Response expired_answer(Site& site, const api::Method& method, const Error& error);

/// So long after the last page somebody who follows is told how far the log is, and looked after.
inline constexpr kj::Duration quiet_time_max = 30 * kj::SECONDS;

}  // namespace troupe::server
