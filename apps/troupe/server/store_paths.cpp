#include "apps/troupe/server/store_paths.h"

#include "actors/check.h"
#include "runtime/store/shards.h"

#include <filesystem>
#include <system_error>

namespace troupe::server {

std::string store_dir(const std::string& data_dir) {
  return data_dir + "/store";
}

std::uint64_t stored_bytes(const std::string& data_dir) {
  std::uint64_t bytes = 0;
  const auto count = troupe::count_shards(store_dir(data_dir));
  for (std::uint32_t shard = 0; shard < count; ++shard) {
    std::error_code none;
    const auto size =
        std::filesystem::file_size(shard_directory(store_dir(data_dir), shard) + "/data.mdb", none);
    if (!none) bytes += size;
  }
  return bytes;
}

StoreOptions offline_options(const std::string& directory, ShardPlace place) {
  StoreOptions options;
  options.directory = shard_directory(directory, place.index);
  options.tables = stored_tables();
  options.shard = place.index;
  options.shards = place.count;
  // What is there is read whatever its size.
  options.use_bytes_max = 1ULL << 40;
  options.reserve_bytes = 0;
  return options;
}

std::vector<const Snapshot*> OpenShards::views() const {
  std::vector<const Snapshot*> views;
  views.reserve(snapshots.size());
  for (const auto& snapshot : snapshots) views.push_back(snapshot.get());
  return views;
}

Result<OpenShards> open_shards(const std::string& data_dir, UpgradeMode upgrade) {
  OpenShards shards;
  const auto count = troupe::count_shards(store_dir(data_dir));
  if (count == 0) return Error{Errc::not_found, data_dir + " holds no store"};
  for (std::uint32_t shard = 0; shard < count; ++shard) {
    StoreOptions options = offline_options(store_dir(data_dir), {shard, count});
    options.upgrade = upgrade;
    options.verify = true;  // LMDB follows what a damaged page says: it would end the process
    auto store = Store::open(options);
    if (!store.ok()) return store.error();
    shards.stores.push_back(std::move(store).value());
    shards.snapshots.push_back(shards.stores.back()->snapshot());
  }
  return shards;
}

}  // namespace troupe::server
