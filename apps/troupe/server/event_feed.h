// Who follows the event log reads it here: one feed for the process, whatever the face (RPC stream,
// WebSocket, long poll, RabbitMQ). Its newest entries are read once, after the commit that wrote
// them, and kept for all that are near the end; who is further behind reads from disk by itself.
//
//   commit --> Edge::wait_for_event --> whoever waits --> read: [newest entries] or disk
//
// Thread: any, but for `wait_for_events`.
#pragma once

#include "apps/troupe/server/event_log.h"
#include "apps/troupe/server/site.h"
#include "schema/api/troupe.capnp.h"

#include <kj/async.h>
#include <kj/time.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::server {

/// A place for a stream, taken while it lives.
class StreamPlace {
 public:
  explicit StreamPlace(std::atomic<std::size_t>& count) : count_(count) { ++count_; }
  ~StreamPlace() { --count_; }
  StreamPlace(const StreamPlace&) = delete;
  StreamPlace& operator=(const StreamPlace&) = delete;

 private:
  std::atomic<std::size_t>& count_;
};

class EventFeed {
 public:
  /// Borrows `host`. `log`: what positions begin with.
  EventFeed(Host& host, std::string log);

  /// Where `after` is: a position, empty for the oldest kept, `now` for what comes.
  /// Errors: `invalid` no position at all; `expired` of another log, or past what is kept: the text
  /// names the oldest.
  Result<EventPosition> find(std::string_view after);

  /// As `read_events`. Errors: `expired` some of what is behind `after` is not kept any more.
  Result<EventPage> read(EventPosition after, PageLimits limits, const EventFilter& filter);

  /// A place for one more stream: each may hold a batch for its peer. Errors: `busy` there are too
  /// many.
  Result<std::shared_ptr<StreamPlace>> enter();

  /// The position as clients see it.
  std::string write(const EventPosition& position) const { return write_position(log_, position); }

  /// Where the log begins, for who has fallen behind that.
  std::string oldest() { return write(oldest_position(host_)); }

 private:
  struct Recent {
    std::uint32_t shard = 0;
    std::uint64_t number = 0;
    Bytes row;
  };

  void keep_up();
  void append(EventPage page);
  bool covers(const EventPosition& after) const;
  std::vector<Recent> behind(const EventPosition& after) const;
  Status check_kept(const EventPosition& after);
  Error expired(const std::string& why);

  Host& host_;
  const std::string log_;
  std::atomic<std::size_t> streams_{0};

  std::mutex mutex_;           // guards all below
  std::deque<Recent> recent_;  // all entries behind `from_`, up to `to_`
  std::size_t recent_bytes_ = 0;
  EventPosition from_;
  EventPosition to_;
};

/// What somebody who follows the log wants next.
struct EventQuery {
  EventPosition after;
  PageLimits limits;
  EventFilter filter;
};

/// Of one stream's batches: who takes them slowly holds no more of our memory.
inline constexpr std::size_t batch_bytes_max = std::size_t{256} << 10;

/// Of a call's parameters; `limit` is cut to 1000. Throws as `EventFeed::find`.
EventQuery make_query(Site& site, std::string_view after, std::size_t limit, EventFilter filter);

/// The next page with an entry, as soon as there is one; at `until`, or when the server stops, an
/// empty one. A page of 0 waits for nothing and stays where it is. Rejected with `expired` as
/// `read`. Thread: the site's loop.
kj::Promise<EventPage> wait_for_events(Site& site, EventQuery query, kj::TimePoint until);

/// The answer to `events`, and each batch over a WebSocket.
void fill_page(const Site& site, const EventPage& page, schema::Troupe::EventsResults::Builder out);
void fill_events(const Site& site, const EventPage& page, capnp::List<schema::Event>::Builder out);

}  // namespace troupe::server
