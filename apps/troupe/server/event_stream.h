// `GET /api/troupe/v1/event-stream`: the event log over a WebSocket. It takes the query of `events`
// and sends its answers, a text message for each batch, until somebody ends it:
//
//   4401, 4403  the credentials do not hold any more, or do not grant `troupe:events`
//   4410        the reader has fallen behind what is kept; the reason is the oldest position
//   1008        the reader takes too long for a batch
//   1011        the server has failed
#pragma once

#include "apps/troupe/server/event_feed.h"
#include "apps/troupe/server/site.h"
#include "runtime/http/router.h"
#include "runtime/http/socket.h"

#include <kj/async.h>

#include <functional>

namespace troupe::server {

/// Adds the route. `site` outlives the table.
void add_event_stream(http::RouteTable& routes, Site& site);

/// Sends what comes. `check` throws once the reader may not go on; it is called before each batch,
/// and now and then when there is none.
kj::Promise<void> stream_events(Site& site,
                                EventQuery query,
                                std::function<void()> check,
                                http::Socket& socket);

/// Who takes longer for a batch is ended when it has taken it, or after as long again.
inline constexpr kj::Duration batch_time_max = 30 * kj::SECONDS;

}  // namespace troupe::server
