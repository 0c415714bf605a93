// The public event log on disk: pages of entries, filtered, by opaque position. Whoever follows it
// reads through the feed (event_feed.h).
#pragma once

#include "runtime/actor/host.h"
#include "runtime/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::server {

/// What a reader wants; empty patterns match all. Patterns are AMQP's: words between dots, `*` for
/// one, `#` for any number. The name of an exchange is one word.
struct EventFilter {
  std::string exchange;
  std::string routing_key;
};

bool matches_pattern(std::string_view pattern, std::string_view key);

/// Whether each word is `*`, `#`, or has neither in it: anything else would match nothing.
bool is_pattern(std::string_view text);

/// Whether a reader wants this entry, by its routing key or one of its CCs.
bool matches(const Bytes& row, const EventFilter& filter);

struct EventEntry {
  EventPosition position;  // just behind it
  Bytes row;
};

struct EventPage {
  std::vector<EventEntry> events;
  EventPosition last;  // of the last entries looked at: where to go on
};

/// A page ends with the entry that makes it so many, or its rows exceed so many bytes, so that
/// every face can carry it.
struct PageLimits {
  std::size_t events = 1'000;
  std::size_t bytes = std::size_t{4} << 20;
};

/// The entries behind `after`, within the limits; looks at no more than a bounded number of
/// entries. The shards' logs are merged by time; order is kept within each.
EventPage read_events(Host& host,
                      EventPosition after,
                      PageLimits limits,
                      const EventFilter& filter);

/// Where those begin who want all that is kept, and nobody can read from before.
EventPosition oldest_position(Host& host);

/// Whether there may be entries behind `read` that `newest` is not before.
bool is_behind(const EventPosition& read, const EventPosition& newest);

/// How many numbers are behind `from`, up to `to`: of each some are never given to an entry.
std::uint64_t distance(const EventPosition& from, const EventPosition& to);

/// A position as clients see it, and back. `log` tells this log's from those of another deployment.
/// Errors: `invalid` if it is none of ours; `expired` if it is another log's.
std::string write_position(const std::string& log, const EventPosition& position);
Result<EventPosition> read_position(std::string_view position,
                                    const std::string& log,
                                    std::uint32_t shards);

/// Whether it is a position that this log has not come to, and so never gave.
bool is_ahead(Host& host, const EventPosition& position);

}  // namespace troupe::server
