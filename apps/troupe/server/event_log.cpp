#include "apps/troupe/server/event_log.h"

#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <charconv>

namespace troupe::server {
namespace {

// Entries looked at for one page, so that a filter that matches little holds no snapshot for long.
constexpr std::size_t looked_at_max = 20'000;
// Positions name their form and the log (this one, shard 0).
constexpr std::string_view position_prefix = "e1-0-";

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (;;) {
    const auto dot = text.find('.');
    words.push_back(text.substr(0, dot));
    if (dot == std::string_view::npos) return words;
    text.remove_prefix(dot + 1);
  }
}

bool matches(schema::EventRow::Reader row, const EventFilter& filter) {
  if (!filter.exchange.empty() && view(row.getExchange()) != filter.exchange) return false;
  if (filter.routing_key.empty()) return true;
  if (matches_pattern(filter.routing_key, view(row.getRoutingKey()))) return true;
  for (const auto copy : row.getCc()) {
    if (matches_pattern(filter.routing_key, view(copy))) return true;
  }
  return false;
}

}  // namespace

// The rows of a table of (pattern words seen, key words seen): polynomial whatever the pattern.
bool matches_pattern(std::string_view pattern, std::string_view key) {
  const auto wanted = split_words(pattern);
  const auto words = split_words(key);
  std::vector<bool> row(words.size() + 1, false);
  row[0] = true;
  for (const auto& want : wanted) {
    std::vector<bool> next(words.size() + 1, false);
    if (want == "#") {
      bool reached = false;
      for (std::size_t i = 0; i <= words.size(); ++i) {
        reached = reached || row[i];
        next[i] = reached;
      }
    } else {
      for (std::size_t i = 0; i < words.size(); ++i) {
        next[i + 1] = row[i] && (want == "*" || want == words[i]);
      }
    }
    row = std::move(next);
  }
  return row[words.size()];
}

EventPage read_events(const Snapshot& snapshot,
                      std::uint64_t after,
                      std::size_t limit,
                      const EventFilter& filter) {
  EventPage page;
  page.last = after;
  std::size_t looked_at = 0;
  snapshot.scan(tables::events.id, KeyWriter().u64(after + 1).key(),
                [&](std::string_view key, WordSpan words) {
                  page.last = KeyReader(key).u64();
                  Stored<schema::EventRow> row(words);
                  if (matches(row.get(), filter)) {
                    page.events.push_back({page.last, Bytes(words)});
                  }
                  return page.events.size() < limit && ++looked_at < looked_at_max;
                });
  return page;
}

std::string write_position(std::uint64_t number) {
  return std::string(position_prefix) + std::to_string(number);
}

Result<std::uint64_t> read_position(std::string_view position) {
  std::uint64_t number = 0;
  const bool ours = position.starts_with(position_prefix);
  const auto digits = ours ? position.substr(position_prefix.size()) : std::string_view();
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || failure != std::errc{} || end != digits.data() + digits.size()) {
    return Error{Errc::invalid, "\"" + std::string(position) +
                                    "\" is not a position of this event log: take one from an "
                                    "event, or leave it out"};
  }
  return number;
}

void fill_event(const EventEntry& entry, schema::Event::Builder out) {
  Stored<schema::EventRow> stored(entry.row);
  const auto row = stored.get();
  out.setPosition(text(write_position(entry.number)));
  out.setExchange(row.getExchange());
  out.setRoutingKey(row.getRoutingKey());
  out.setCc(row.getCc());
  out.setTime(row.getTime());
  out.setPayload(row.getPayload());
}

}  // namespace troupe::server
