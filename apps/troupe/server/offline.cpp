#include "apps/troupe/server/offline.h"

#include "apps/troupe/server/store_paths.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "schema/store/envelope.capnp.h"

#include <utility>

namespace troupe::server {

Result<std::unique_ptr<DataDir>> hold_existing(const std::string& data_dir) {
  if (is_new_data_dir(data_dir)) {
    return Error{Errc::not_found, data_dir + " is no data directory: name one with --data"};
  }
  return DataDir::open(data_dir);
}

Result<BackupTotals> backup_stopped(const std::string& data_dir,
                                    const BackupOptions& options,
                                    std::uint64_t bytes_per_second) {
  const auto held = hold_existing(data_dir);
  if (!held.ok()) return held.error();
  auto shards = open_shards(data_dir);
  if (!shards.ok()) return shards.error();
  const auto blobs = BlobStore::open({.dir = data_dir + "/blobs"}, options.now);
  if (!blobs.ok()) return blobs.error();
  const auto logs = StreamStore::open({.dir = data_dir + "/logs"}, *blobs.value());
  if (!logs.ok()) return logs.error();
  BackupPace pace(bytes_per_second, [] { return false; });
  const BackupSource source{data_dir, *blobs.value(), *logs.value(),
                            [&shards] { return std::move(shards.value().snapshots); }};
  const auto done = run_backup(source, options, pace);
  if (!done.ok()) return done.error();
  return pace.totals();
}

Result<UpgradePlan> plan_upgrade(const std::string& data_dir) {
  const auto held = hold_existing(data_dir);  // refuses what is newer
  if (!held.ok()) return held.error();
  const auto shards = open_shards(data_dir);  // likewise
  if (!shards.ok()) return shards.error();
  UpgradePlan plan;
  plan.data_format = data_format;
  for (const Snapshot* shard : shards.value().views()) {
    const auto row = shard->get(tables::meta.id, KeyWriter().text("state").key());
    plan.store_formats.push_back(row ? Stored<schema::StoreRow>(*row).get().getFormat() : 0);
  }
  return plan;
}

}  // namespace troupe::server
