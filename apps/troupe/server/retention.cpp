#include "apps/troupe/server/retention.h"

#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <vector>

namespace troupe::server {
namespace {

constexpr auto period = 60 * kj::SECONDS;
constexpr std::size_t slice = 2'000;

struct Slice {
  std::vector<RowOp> deletes;
  bool more = false;
};

// The oldest entries that are past their age.
Slice find_old(const Snapshot& snapshot, Instant oldest) {
  Slice found;
  snapshot.scan(tables::events.id, "", [&](std::string_view key, WordSpan words) {
    if (Instant{Stored<schema::EventRow>(words).get().getTime()} >= oldest) return false;
    found.deletes.push_back({tables::events.id, std::string(key), std::nullopt});
    found.more = found.deletes.size() == slice;
    return !found.more;
  });
  return found;
}

// The oldest entries, as many as the log is over its size. The size is judged by the mean of the
// oldest slice: reading all would cost more than it saves.
Slice find_excess(const Snapshot& snapshot, std::uint64_t bytes_max) {
  Slice found;
  const auto count = snapshot.count(tables::events.id);
  std::uint64_t bytes = 0;
  std::uint64_t sampled = 0;
  snapshot.scan(tables::events.id, "", [&](std::string_view, WordSpan words) {
    bytes += words.size_bytes();
    return ++sampled < slice;
  });
  if (sampled == 0) return found;
  const std::uint64_t total = bytes / sampled * count;
  if (total <= bytes_max) return found;
  const std::uint64_t excess =
      std::min<std::uint64_t>((total - bytes_max) * sampled / bytes + 1, slice);
  snapshot.scan(tables::events.id, "", [&](std::string_view key, WordSpan) {
    found.deletes.push_back({tables::events.id, std::string(key), std::nullopt});
    return found.deletes.size() < excess;
  });
  found.more = excess == slice;
  return found;
}

void trim(Site& site, const Retention& retention, std::uint32_t shard) {
  const auto snapshot = site.host.shard_snapshot(shard);
  if (retention.age.count() > 0) {
    auto old = find_old(*snapshot, site.now() - retention.age);
    if (!old.deletes.empty()) site.host.commit_rows(std::move(old.deletes), shard);
    if (old.more) return;
  }
  if (retention.bytes_max > 0) {
    auto excess = find_excess(*snapshot, retention.bytes_max / site.host.shards());
    if (!excess.deletes.empty()) site.host.commit_rows(std::move(excess.deletes), shard);
  }
}

}  // namespace

kj::Promise<void> keep_events_bounded(Site& site, Retention retention) {
  for (std::uint32_t i = 0; i < site.host.shards(); ++i) trim(site, retention, i);
  return site.timer.afterDelay(period).then(
      [&site, retention] { return keep_events_bounded(site, retention); });
}

}  // namespace troupe::server
