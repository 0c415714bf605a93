#include "apps/troupe/server/event_feed.h"

#include "apps/troupe/server/call.h"
#include "apps/troupe/server/exchanges.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <utility>

namespace troupe::server {
namespace {

// Entries kept for those near the end, and their size. Who is further behind reads from disk.
constexpr std::size_t recent_max = 4'096;
constexpr std::size_t recent_bytes_max = std::size_t{16} << 20;
// Read at one time under the lock.
constexpr std::size_t slice = 1'000;
constexpr std::size_t pattern_bytes_max = 255;
// WebSockets and streams over RPC of the whole process.
constexpr std::size_t streams_max = 1'024;

}  // namespace

EventFeed::EventFeed(Host& host, std::string log)
    : host_(host), log_(std::move(log)), from_(host.last_events()), to_(from_) {}

Error EventFeed::expired(const std::string& why) {
  return {Errc::expired, why + "; the oldest position kept is " + oldest() +
                             ": go on from there, or leave the position out"};
}

Result<EventPosition> EventFeed::find(std::string_view after) {
  if (after.empty()) return oldest_position(host_);
  if (after == "now") return host_.last_events();
  auto position = read_position(after, log_, host_.shards());
  if (!position.ok()) {
    if (position.error().code == Errc::expired) return expired(position.error().detail);
    return position.error();
  }
  if (is_ahead(host_, position.value())) {
    return expired("position " + write(position.value()) +
                   " is ahead of this event log, which ends at " + write(host_.last_events()));
  }
  if (const auto kept = check_kept(position.value()); !kept.ok()) return kept.error();
  return position;
}

Status EventFeed::check_kept(const EventPosition& after) {
  if (!is_behind(after, oldest_position(host_))) return Done{};
  return expired("what is behind position " + write(after) + " is not all kept any more");
}

// Under the lock: reads what is new, a slice at a time. Nobody pays for what nobody has read: after
// a pause the feed begins anew at the end.
void EventFeed::keep_up() {
  const auto newest = host_.last_events();
  if (distance(to_, newest) > recent_max) {
    recent_.clear();
    recent_bytes_ = 0;
    from_ = to_ = newest;
  } else if (is_behind(to_, newest)) {
    append(read_events(host_, to_, {.events = slice}, {}));
  }
}

void EventFeed::append(EventPage page) {
  for (auto& entry : page.events) {
    std::uint32_t shard = 0;
    while (entry.position[shard] == to_[shard]) ++shard;
    to_[shard] = entry.position[shard];
    recent_bytes_ += entry.row.size_bytes();
    recent_.push_back({shard, to_[shard], std::move(entry.row)});
  }
  to_ = std::move(page.last);
  while (recent_.size() > recent_max || recent_bytes_ > recent_bytes_max) {
    const Recent& first = recent_.front();
    from_[first.shard] = first.number;
    recent_bytes_ -= first.row.size_bytes();
    recent_.pop_front();
  }
}

bool EventFeed::covers(const EventPosition& after) const {
  return !is_behind(after, from_);
}

std::vector<EventFeed::Recent> EventFeed::behind(const EventPosition& after) const {
  // In one shard they are the last; numbers that were skipped only make this longer.
  std::size_t skipped = 0;
  if (after.size() == 1) {
    skipped = recent_.size() - std::min<std::uint64_t>(distance(after, to_), recent_.size());
  }
  std::vector<Recent> found;
  for (std::size_t i = skipped; i < recent_.size(); ++i) {
    if (recent_[i].number > after[recent_[i].shard]) found.push_back(recent_[i]);
  }
  return found;
}

Result<EventPage> EventFeed::read(EventPosition after,
                                  PageLimits limits,
                                  const EventFilter& filter) {
  std::vector<Recent> recent;
  EventPosition end;
  {
    const std::lock_guard lock(mutex_);
    keep_up();
    if (covers(after)) {
      recent = behind(after);
      end = to_;
    }
  }
  if (end.empty()) {
    // Looked at after the page was read: what was deleted meanwhile is missed.
    auto page = read_events(host_, after, limits, filter);
    if (const auto kept = check_kept(after); !kept.ok()) return kept.error();
    return page;
  }
  EventPage page;
  page.last = std::move(after);
  std::size_t bytes = 0;
  for (auto& entry : recent) {
    if (page.events.size() == limits.events || bytes > limits.bytes) return page;
    page.last[entry.shard] = entry.number;
    if (!matches(entry.row, filter)) continue;
    bytes += entry.row.size_bytes();
    page.events.push_back({page.last, std::move(entry.row)});
  }
  for (std::size_t i = 0; i < end.size(); ++i) page.last[i] = std::max(page.last[i], end[i]);
  return page;
}

Result<std::shared_ptr<StreamPlace>> EventFeed::enter() {
  auto place = std::make_shared<StreamPlace>(streams_);
  if (streams_ <= streams_max) return place;
  return Error{Errc::busy, "too many streams of events are open: try again later"};
}

namespace {

void require_pattern(const char* parameter, const std::string& text) {
  if (is_pattern(text)) return;
  throw_error({Errc::invalid, std::string(parameter) + ": \"" + text +
                                  "\" is no pattern, and would match nothing: between dots stands "
                                  "a word without * and #, or * for one word, or # for any number "
                                  "of them"});
}

}  // namespace

EventQuery make_query(Site& site, std::string_view after, std::size_t limit, EventFilter filter) {
  if (std::max(filter.exchange.size(), filter.routing_key.size()) > pattern_bytes_max) {
    throw_error({Errc::invalid, "a pattern has at most 255 bytes, as all that it may match"});
  }
  require_pattern("exchange", filter.exchange);
  require_pattern("routingKey", filter.routing_key);
  take(check_exchange(filter.exchange));
  return {take(site.events->find(after)), {.events = std::min(limit, slice)}, std::move(filter)};
}

kj::Promise<EventPage> wait_for_events(Site& site, EventQuery query, kj::TimePoint until) {
  if (query.limits.events == 0) return EventPage{{}, std::move(query.after)};
  const auto newest = site.host.last_events();
  auto page = take(site.events->read(query.after, query.limits, query.filter));
  const bool over = site.timer.now() >= until || site.stopping->has_begun();
  if (!page.events.empty() || over) return kj::mv(page);
  // Others have their turn between two slices of a log in which nothing matches.
  auto news = is_behind(page.last, newest) ? kj::evalLater([] {})
                                           : site.edge.wait_for_event(page.last)
                                                 .exclusiveJoin(site.timer.atTime(until))
                                                 .exclusiveJoin(site.stopping->begins());
  query.after = std::move(page.last);
  return news.then([&site, query = std::move(query), until]() mutable {
    return wait_for_events(site, std::move(query), until);
  });
}

void fill_events(const Site& site, const EventPage& page, capnp::List<schema::Event>::Builder out) {
  for (unsigned i = 0; i < out.size(); ++i) {
    Stored<schema::EventRow> stored(page.events[i].row);
    const auto row = stored.get();
    out[i].setPosition(text(site.events->write(page.events[i].position)));
    out[i].setExchange(row.getExchange());
    out[i].setRoutingKey(row.getRoutingKey());
    out[i].setCc(row.getCc());
    out[i].setTime(row.getTime());
    out[i].setPayload(row.getPayload());
  }
}

void fill_page(const Site& site,
               const EventPage& page,
               schema::Troupe::EventsResults::Builder out) {
  fill_events(site, page, out.initEvents(static_cast<unsigned>(page.events.size())));
  out.setNext(text(site.events->write(page.last)));
}

}  // namespace troupe::server
