#include "apps/troupe/server/offline.h"

#include "apps/troupe/server/config.h"
#include "apps/troupe/server/store_paths.h"
#include "runtime/base/assert.h"
#include "runtime/store/key.h"
#include "runtime/store/message.h"
#include "runtime/store/shards.h"
#include "schema/store/envelope.capnp.h"

#include <algorithm>
#include <utility>

namespace troupe::server {
namespace {

std::uint64_t count_rows(const Snapshot& snapshot, const std::vector<TableSpec>& kinds) {
  std::uint64_t rows = 0;
  for (const auto& table : tables::system) rows += snapshot.count(table.id);
  for (const auto& table : kinds) rows += snapshot.count(table.id);
  return rows;
}

// Runs the steps as far as they show what they would do.
Result<ShardUpgrade> plan_shard(const std::string& data_dir, ShardPlace place) {
  ShardUpgrade plan;
  plan.shard = place.index;
  StoreOptions options = offline_options(store_dir(data_dir), place);
  options.upgrade = UpgradeMode::dry_run;
  options.hooks.report = [&plan](const std::string& event, const std::string& detail) {
    if (event == "upgrade_step") plan.steps.push_back(detail);
  };
  const auto store = Store::open(options);
  if (!store.ok()) return store.error();
  const auto snapshot = store.value()->snapshot();
  const auto meta = snapshot->get(tables::meta.id, KeyWriter().text("state").key());
  plan.from = meta ? Stored<schema::StoreRow>(*meta).get().getFormat() : format_version;
  plan.rows = count_rows(*snapshot, options.tables);
  return plan;
}

}  // namespace

Result<std::unique_ptr<DataDir>> hold_existing(const std::string& data_dir) {
  if (is_new_data_dir(data_dir)) {
    return Error{Errc::not_found, data_dir + " is no data directory: name one with --data"};
  }
  return DataDir::open(data_dir, process_environment()[keys_variable]);
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

bool Upgrade::has_steps() const {
  return std::ranges::any_of(shards, [](const auto& shard) { return !shard.steps.empty(); });
}

Result<Upgrade> upgrade_stopped(const std::string& data_dir, UpgradeMode mode) {
  TROUPE_EXPECTS(mode != UpgradeMode::no);
  const auto held = hold_existing(data_dir);
  if (!held.ok()) return held.error();
  const auto count = count_shards(store_dir(data_dir));
  if (count == 0) return Error{Errc::not_found, data_dir + " holds no store"};
  Upgrade upgrade{data_format, format_version, {}};
  for (std::uint32_t shard = 0; shard < count; ++shard) {
    auto plan = plan_shard(data_dir, {shard, count});
    if (!plan.ok()) return plan.error();
    upgrade.shards.push_back(std::move(plan).value());
  }
  if (mode == UpgradeMode::dry_run || !upgrade.has_steps()) return upgrade;
  const auto upgraded = open_shards(data_dir, UpgradeMode::yes);
  if (!upgraded.ok()) return upgraded.error();
  return upgrade;
}

}  // namespace troupe::server
