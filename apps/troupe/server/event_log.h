// The public event log: pages of entries, filtered, by opaque position.
#pragma once

#include "runtime/actor/host.h"
#include "runtime/base/result.h"
#include "schema/api/troupe.capnp.h"

#include <string>
#include <vector>

namespace troupe::server {

/// What a reader wants; empty patterns match all. Patterns are AMQP's: words between dots, `*` for
/// one, `#` for any number.
struct EventFilter {
  std::string exchange;
  std::string routing_key;
};

bool matches_pattern(std::string_view pattern, std::string_view key);

struct EventEntry {
  EventPosition position;  // just behind it
  Bytes row;
};

struct EventPage {
  std::vector<EventEntry> events;
  EventPosition last;  // of the last entries looked at: where to go on
};

/// At most `limit` entries behind `after`; looks at no more than a bounded number of entries. The
/// shards' logs are merged by time; order is kept within each.
EventPage read_events(Host& host,
                      EventPosition after,
                      std::size_t limit,
                      const EventFilter& filter);

/// A position as clients see it, and back. Errors: `invalid` if it is none of ours.
std::string write_position(const EventPosition& position);
Result<EventPosition> read_position(std::string_view position, std::uint32_t shards);

/// Errors: `expired` for a position that this log has not come to, and so never gave.
Status check_not_ahead(Host& host, const EventPosition& position);

void fill_event(const EventEntry& entry, schema::Event::Builder out);

}  // namespace troupe::server
