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
// Positions name their form and their log; the numbers of the shards follow, with dots between.
constexpr std::string_view position_prefix = "e2-";

// As RabbitMQ: between two dots may be an empty word, but an empty text has none.
std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  if (text.empty()) return words;
  for (;;) {
    const auto dot = text.find('.');
    words.push_back(text.substr(0, dot));
    if (dot == std::string_view::npos) return words;
    text.remove_prefix(dot + 1);
  }
}

bool row_matches(schema::EventRow::Reader row, const EventFilter& filter) {
  if (!filter.exchange.empty() && !matches_pattern(filter.exchange, view(row.getExchange()))) {
    return false;
  }
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

bool is_pattern(std::string_view text) {
  return std::ranges::all_of(split_words(text), [](std::string_view word) {
    return word == "*" || word == "#" || word.find_first_of("*#") == std::string_view::npos;
  });
}

bool matches(const Bytes& row, const EventFilter& filter) {
  if (filter.exchange.empty() && filter.routing_key.empty()) return true;
  Stored<schema::EventRow> stored(row);
  return row_matches(stored.get(), filter);
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
                        PageLimits limits,
                        const EventFilter& filter) {
  ShardEntries entries;
  entries.last = after;
  std::size_t looked_at = 0;
  std::size_t bytes = 0;
  snapshot.scan(tables::events.id, KeyWriter().u64(after + 1).key(),
                [&](std::string_view key, WordSpan words) {
                  entries.last = KeyReader(key).u64();
                  Stored<schema::EventRow> row(words);
                  if (row_matches(row.get(), filter)) {
                    bytes += words.size_bytes();
                    entries.found.push_back({entries.last, Bytes(words), row.get().getTime()});
                  }
                  entries.cut_short = entries.found.size() == limits.events ||
                                      bytes > limits.bytes || ++looked_at == looked_at_max;
                  return !entries.cut_short;
                });
  // Numbers may be skipped at the end of the log: they are behind, too.
  if (!entries.cut_short) entries.last = std::max(entries.last, snapshot.state().last_event);
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
                      PageLimits limits,
                      const EventFilter& filter) {
  std::vector<ShardEntries> shards;
  for (std::uint32_t i = 0; i < host.shards(); ++i) {
    shards.push_back(read_shard(*host.shard_snapshot(i), after.at(i), limits, filter));
  }
  EventPage page;
  page.last = std::move(after);
  std::size_t bytes = 0;
  while (page.events.size() < limits.events && bytes <= limits.bytes) {
    ShardEntries* next = oldest(shards);
    if (next == nullptr) break;
    auto entry = std::move(next->found.front());
    next->found.pop_front();
    bytes += entry.row.size_bytes();
    page.last.at(static_cast<std::size_t>(next - shards.data())) = entry.number;
    page.events.push_back({page.last, std::move(entry.row)});
  }
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (shards[i].found.empty()) page.last[i] = shards[i].last;
  }
  return page;
}

EventPosition oldest_position(Host& host) {
  EventPosition position;
  for (std::uint32_t i = 0; i < host.shards(); ++i) {
    const auto snapshot = host.shard_snapshot(i);
    std::uint64_t before_first = snapshot->state().last_event;
    snapshot->scan(tables::events.id, "", [&before_first](std::string_view key, WordSpan) {
      before_first = KeyReader(key).u64() - 1;
      return false;
    });
    position.push_back(before_first);
  }
  return position;
}

bool is_behind(const EventPosition& read, const EventPosition& newest) {
  for (std::size_t i = 0; i < read.size(); ++i) {
    if (read[i] < newest.at(i)) return true;
  }
  return false;
}

std::uint64_t distance(const EventPosition& from, const EventPosition& to) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < from.size(); ++i) sum += to.at(i) - std::min(from[i], to.at(i));
  return sum;
}

std::string write_position(const std::string& log, const EventPosition& position) {
  std::string out = std::string(position_prefix) + log;
  char before = '-';
  for (const auto number : position) {
    out += before + std::to_string(number);
    before = '.';
  }
  return out;
}

Result<EventPosition> read_position(std::string_view position,
                                    const std::string& log,
                                    std::uint32_t shards) {
  const std::string quoted = "\"" + std::string(position) + "\"";
  const auto refusal = Error{Errc::invalid, quoted +
                                                " is not a position of this event log: take one "
                                                "from an event, or leave it out"};
  if (!position.starts_with(position_prefix)) return refusal;
  const auto rest = position.substr(position_prefix.size());
  const auto dash = rest.find('-');
  if (dash == 0 || dash == std::string_view::npos) return refusal;
  EventPosition numbers;
  for (const auto digits : split_words(rest.substr(dash + 1))) {
    std::uint64_t number = 0;
    const auto* end = digits.data() + digits.size();
    const auto [stop, failure] = std::from_chars(digits.data(), end, number);
    if (digits.empty() || failure != std::errc{} || stop != end) return refusal;
    numbers.push_back(number);
  }
  if (numbers.empty()) return refusal;
  if (rest.substr(0, dash) != log || numbers.size() != shards) {
    return Error{Errc::expired, "position " + std::string(position) + " is of another event log"};
  }
  return numbers;
}

bool is_ahead(Host& host, const EventPosition& position) {
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
    if (!there) return true;
  }
  return false;
}

}  // namespace troupe::server
