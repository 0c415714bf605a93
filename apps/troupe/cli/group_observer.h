// A group over time: what is known of it, kept true by the events of its tasks. Nothing polls.
#pragma once

#include "apps/troupe/cli/reconnect.h"
#include "apps/troupe/cli/watch_state.h"
#include "schema/api/queue_types.capnp.h"
#include "schema/api/troupe.capnp.h"

#include <kj/async.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace troupe::cli {

class GroupObserver {
 public:
  using OnChange = std::function<void(const WatchedTask&)>;

  /// Borrowed: `server` and `group` outlive *this, and *this all promises that it gives.
  /// `on_change` is told of each member that is new or whose state has changed.
  GroupObserver(Reconnector& server, std::string group_id, WatchedGroup& group, OnChange on_change);

  /// Brings `group` up to date with all of its tasks, as they are now.
  kj::Promise<void> read();

  /// Ends when something has happened in the group since the call before, after 20 s at the
  /// latest, with `group` up to date. The first call reads the group and ends at once.
  kj::Promise<void> next();

 private:
  using Events = capnp::Response<schema::Troupe::EventsResults>;
  using Page = capnp::Response<schema::TaskGroupPage>;

  kj::Promise<void> catch_up();
  kj::Promise<void> read_page(std::string token);
  kj::Promise<Events> ask_events(std::string after, std::uint32_t wait_seconds);
  kj::Promise<void> take(const Events& answer);

  Reconnector& server_;
  const std::string group_id_;
  WatchedGroup& group_;
  const OnChange on_change_;
  std::string position_;           // in the event log; empty before the first look
  std::vector<std::string> news_;  // of the snapshot being read, not told yet
};

}  // namespace troupe::cli
