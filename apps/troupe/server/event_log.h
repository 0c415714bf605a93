// The public event log: pages of entries, filtered, by opaque position.
#pragma once

#include "runtime/base/result.h"
#include "runtime/store/store.h"
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
  std::uint64_t number = 0;
  Bytes row;
};

struct EventPage {
  std::vector<EventEntry> events;
  std::uint64_t last = 0;  // number of the last entry looked at: where to go on
};

/// At most `limit` entries after `after`; looks at no more than a bounded number of entries.
EventPage read_events(const Snapshot& snapshot,
                      std::uint64_t after,
                      std::size_t limit,
                      const EventFilter& filter);

/// A position as clients see it, and back. Errors: `invalid` if it is none of ours.
std::string write_position(std::uint64_t number);
Result<std::uint64_t> read_position(std::string_view position);

void fill_event(const EventEntry& entry, schema::Event::Builder out);

}  // namespace troupe::server
