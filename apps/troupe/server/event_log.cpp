#include "apps/troupe/server/event_log.h"

#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <utility>

namespace troupe::server {
namespace {

// Entries looked at for one page, so that a filter that matches little holds no snapshot for long.
constexpr std::size_t looked_at_max = 20'000;
// Positions name their form; the numbers of the shards follow, with dots between.
constexpr std::string_view position_prefix = "e1-";

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

namespace {

// The entries of one shard that a page may take, and what was looked at for them.
struct ShardEntries {
  struct Entry {
    std::uint64_t number = 0;
    Bytes row;
    std::int64_t time_ms = 0;
  };
  std::deque<Entry> found;
  std::uint64_t last = 0;  // looked at
  bool cut_short = false;  // there may be more that match, behind `last`
};

ShardEntries read_shard(const Snapshot& snapshot,
                        std::uint64_t after,
                        std::size_t limit,
                        const EventFilter& filter) {
  ShardEntries entries;
  entries.last = after;
  std::size_t looked_at = 0;
  snapshot.scan(tables::events.id, KeyWriter().u64(after + 1).key(),
                [&](std::string_view key, WordSpan words) {
                  entries.last = KeyReader(key).u64();
                  Stored<schema::EventRow> row(words);
                  if (matches(row.get(), filter)) {
                    entries.found.push_back({entries.last, Bytes(words), row.get().getTime()});
                  }
                  entries.cut_short = entries.found.size() == limit || ++looked_at == looked_at_max;
                  return !entries.cut_short;
                });
  return entries;
}

// The shard whose next entry is the oldest; none if one that was cut short has run out: what it
// has behind may be older than what the others show.
ShardEntries* oldest(std::vector<ShardEntries>& shards) {
  ShardEntries* first = nullptr;
  for (auto& shard : shards) {
    if (shard.found.empty()) {
      if (shard.cut_short) return nullptr;
      continue;
    }
    if (first == nullptr || shard.found.front().time_ms < first->found.front().time_ms) {
      first = &shard;
    }
  }
  return first;
}

}  // namespace

EventPage read_events(Host& host,
                      EventPosition after,
                      std::size_t limit,
                      const EventFilter& filter) {
  std::vector<ShardEntries> shards;
  for (std::uint32_t i = 0; i < host.shards(); ++i) {
    shards.push_back(read_shard(*host.shard_snapshot(i), after.at(i), limit, filter));
  }
  EventPage page;
  page.last = std::move(after);
  while (page.events.size() < limit) {
    ShardEntries* next = oldest(shards);
    if (next == nullptr) break;
    auto entry = std::move(next->found.front());
    next->found.pop_front();
    page.last.at(static_cast<std::size_t>(next - shards.data())) = entry.number;
    page.events.push_back({page.last, std::move(entry.row)});
  }
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (shards[i].found.empty()) page.last[i] = shards[i].last;
  }
  return page;
}

std::string write_position(const EventPosition& position) {
  std::string out;
  for (const auto number : position) {
    out += out.empty() ? std::string(position_prefix) : ".";
    out += std::to_string(number);
  }
  return out;
}

Result<EventPosition> read_position(std::string_view position, std::uint32_t shards) {
  const auto refusal = Error{Errc::invalid, "\"" + std::string(position) +
                                                "\" is not a position of this event log: take one "
                                                "from an event, or leave it out"};
  if (!position.starts_with(position_prefix)) return refusal;
  EventPosition numbers;
  for (const auto digits : split_words(position.substr(position_prefix.size()))) {
    std::uint64_t number = 0;
    const auto* end = digits.data() + digits.size();
    const auto [stop, failure] = std::from_chars(digits.data(), end, number);
    if (digits.empty() || failure != std::errc{} || stop != end) return refusal;
    numbers.push_back(number);
  }
  if (numbers.size() != shards) return refusal;
  return numbers;
}

Status check_not_ahead(Host& host, const EventPosition& position) {
  const EventPosition newest = host.last_events();
  for (std::uint32_t i = 0; i < host.shards(); ++i) {
    if (position.at(i) <= newest.at(i)) continue;
    // What was read from a snapshot may be newer than what the committer has counted.
    bool there = false;
    host.shard_snapshot(i)->scan(tables::events.id, KeyWriter().u64(position.at(i)).key(),
                                 [&there](std::string_view, WordSpan) {
                                   there = true;
                                   return false;
                                 });
    if (there) continue;
    return Error{Errc::expired, "position " + write_position(position) +
                                    " is ahead of this event log, which ends at " +
                                    write_position(newest) +
                                    ": it is of another one; leave it out to read from the oldest"};
  }
  return Done{};
}

void fill_event(const EventEntry& entry, schema::Event::Builder out) {
  Stored<schema::EventRow> stored(entry.row);
  const auto row = stored.get();
  out.setPosition(text(write_position(entry.position)));
  out.setExchange(row.getExchange());
  out.setRoutingKey(row.getRoutingKey());
  out.setCc(row.getCc());
  out.setTime(row.getTime());
  out.setPayload(row.getPayload());
}

}  // namespace troupe::server
