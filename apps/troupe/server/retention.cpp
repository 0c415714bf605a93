#include "apps/troupe/server/retention.h"

#include "actors/subscription/subscription_actor.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::server {
namespace {

constexpr auto period = 60 * kj::SECONDS;
constexpr auto slice_pause = 100 * kj::MILLISECONDS;  // others write, too
constexpr std::size_t slice = 2'000;
// The size is judged by entries in so many places of the log, evenly spread, and so many in each:
// reading all would cost more than it saves.
constexpr std::uint64_t samples = 64;
constexpr std::size_t sample_entries = 32;

// A slice of entries to delete, the oldest first, up to the last that nobody needs any more.
class Slice {
 public:
  explicit Slice(std::uint64_t last) : last_(last) {}

  /// Whether it may have this one.
  bool take(std::string_view key) {
    if (deletes_.size() == slice || KeyReader(key).u64() > last_) return false;
    deletes_.push_back({tables::events.id, std::string(key), std::nullopt});
    return true;
  }
  std::size_t size() const { return deletes_.size(); }
  bool is_full() const { return size() == slice; }
  std::vector<RowOp> deletes() && { return std::move(deletes_); }

 private:
  std::uint64_t last_;
  std::vector<RowOp> deletes_;
};

// The oldest entries that are past their age.
void take_old(const Snapshot& snapshot, Instant oldest, Slice& into) {
  snapshot.scan(tables::events.id, "", [&](std::string_view key, WordSpan words) {
    if (Instant{Stored<schema::EventRow>(words).get().getTime()} >= oldest) return false;
    return into.take(key);
  });
}

std::uint64_t mean_bytes(const Snapshot& snapshot, std::uint64_t first, std::uint64_t last) {
  std::uint64_t bytes = 0;
  std::uint64_t looked_at = 0;
  const bool few = last - first < samples * sample_entries;
  const std::uint64_t places = few ? 1 : samples;
  for (std::uint64_t i = 0; i < places; ++i) {
    const auto start = first + (last - first) / places * i;
    std::size_t here = 0;
    snapshot.scan(tables::events.id, KeyWriter().u64(start).key(),
                  [&](std::string_view, WordSpan words) {
                    bytes += words.size_bytes();
                    ++looked_at;
                    return few || ++here < sample_entries;
                  });
  }
  return looked_at == 0 ? 0 : bytes / looked_at;
}

struct LogSize {
  std::uint64_t entries = 0;
  std::uint64_t mean_bytes = 0;  // of one

  /// How many entries are too many.
  std::uint64_t excess(std::uint64_t bytes_max) const {
    if (bytes_max == 0 || mean_bytes * entries <= bytes_max) return 0;
    return entries - bytes_max / mean_bytes;
  }
};

LogSize size_of(const Snapshot& snapshot) {
  std::uint64_t first = 0;
  snapshot.scan(tables::events.id, "", [&first](std::string_view key, WordSpan) {
    first = KeyReader(key).u64();
    return false;
  });
  return {snapshot.count(tables::events.id),
          mean_bytes(snapshot, first, std::max(first, snapshot.state().last_event))};
}

void take_oldest(const Snapshot& snapshot, std::uint64_t count, Slice& into) {
  if (count == 0) return;
  snapshot.scan(tables::events.id, "",
                [&](std::string_view key, WordSpan) { return into.take(key) && --count > 0; });
}

constexpr auto no_entry_needed = std::numeric_limits<std::uint64_t>::max();

// The last entry of a shard that the reader is done with.
std::uint64_t last_done(Site& site, const std::string& reader, std::uint32_t shard) {
  if (reader.empty()) return no_entry_needed;
  const auto held = subscription::find(*site.host.snapshot(), reader);
  return held ? held->position.at(shard) : no_entry_needed;
}

// Whether there is more to delete.
bool trim(Site& site, const Retention& retention, std::uint32_t shard) {
  const auto snapshot = site.host.shard_snapshot(shard);
  const auto done = last_done(site, retention.reader, shard);
  const auto size = size_of(*snapshot);
  std::vector<Slice> slices;
  if (retention.age.count() > 0) {
    take_old(*snapshot, site.now() - retention.age, slices.emplace_back(done));
  }
  take_oldest(*snapshot, size.excess(retention.bytes_max / site.host.shards()),
              slices.emplace_back(done));
  // Nobody is waited for without end: the disk is everybody's.
  const auto most = std::max(retention.backlog_bytes_max, retention.bytes_max);
  if (done != no_entry_needed && retention.backlog_bytes_max > 0) {
    take_oldest(*snapshot, size.excess(most / site.host.shards()),
                slices.emplace_back(no_entry_needed));
  }
  // All begin with the oldest: the longest has all the others have.
  auto& longest = *std::ranges::max_element(slices, {}, &Slice::size);
  const bool more = longest.is_full();
  if (longest.size() > 0) site.host.commit_rows(std::move(longest).deletes(), shard);
  return more;
}

}  // namespace

kj::Promise<void> keep_events_bounded(Site& site, Retention retention) {
  bool more = false;
  for (std::uint32_t i = 0; i < site.host.shards(); ++i) more |= trim(site, retention, i);
  return site.timer.afterDelay(more ? slice_pause : period).then([&site, retention] {
    return keep_events_bounded(site, retention);
  });
}

}  // namespace troupe::server
