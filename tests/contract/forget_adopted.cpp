// forget_adopted DATA: makes a stopped data directory one of an earlier program, which told nobody
// who uses which blob, and gave tasks no timer for their end. Prints how many rows it took away.
#include "actors/kinds.h"
#include "actors/task/transition.h"
#include "apps/troupe/server/store_paths.h"
#include "runtime/actor/timers.h"
#include "runtime/store/key.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string_view>
#include <vector>

namespace troupe::server {
namespace {

struct Forgotten {
  std::vector<RowOp> rows;
  std::size_t references = 0;
  std::size_t timers = 0;
};

Forgotten forget(const Snapshot& snapshot) {
  Forgotten found;
  snapshot.scan(tables::timers.id, "", [&](std::string_view key, WordSpan words) {
    const auto timer = TimerEntry::decode(key, words);
    if (timer.actor.kind != kinds::task || timer.name != task::expiry_timer) return true;
    found.rows.push_back({tables::timers.id, std::string(key), std::nullopt});
    found.rows.push_back({tables::timers_of.id,
                          KeyWriter().u64(timer.actor_number).text(timer.name).key(),
                          std::nullopt});
    ++found.timers;
    return true;
  });
  snapshot.scan(tables::blob_references.id, "", [&](std::string_view key, WordSpan) {
    found.rows.push_back({tables::blob_references.id, std::string(key), std::nullopt});
    ++found.references;
    return true;
  });
  return found;
}

int run(const std::string& data_dir) {
  auto opened = open_shards(data_dir);
  if (!opened.ok()) {
    fmt::print(stderr, "{}\n", opened.error().detail);
    return 1;
  }
  const auto& shards = opened.value();
  for (std::uint32_t shard = 0; shard < shards.stores.size(); ++shard) {
    const Snapshot& snapshot = *shards.snapshots[shard];
    const auto found = forget(snapshot);
    const auto applied =
        shards.stores[shard]->apply(encode_batch(found.rows, snapshot.state(), shard));
    if (!applied.ok()) {
      fmt::print(stderr, "{}\n", applied.error().detail);
      return 1;
    }
    fmt::print("{} references, {} timers\n", found.references, found.timers);
  }
  return 0;
}

}  // namespace
}  // namespace troupe::server

int main(int argc, char** argv) {
  if (argc == 2) return troupe::server::run(argv[1]);
  fmt::print(stderr, "usage: forget_adopted DATA\n");
  return 2;
}
