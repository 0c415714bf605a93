#include "apps/troupe/server/store_paths.h"

#include "actors/check.h"

#include <filesystem>
#include <limits>

namespace troupe::server {

std::string store_dir(const std::string& data_dir, std::size_t shard) {
  const std::string folder = data_dir + "/store";
  return shard == 0 ? folder : folder + "/" + std::to_string(shard);
}

std::size_t count_shards(const std::string& data_dir) {
  std::error_code error;
  std::size_t shards = 0;
  while (std::filesystem::exists(store_dir(data_dir, shards) + "/data.mdb", error)) ++shards;
  return shards;
}

std::vector<const Snapshot*> OpenShards::views() const {
  std::vector<const Snapshot*> views;
  views.reserve(snapshots.size());
  for (const auto& snapshot : snapshots) views.push_back(snapshot.get());
  return views;
}

Result<OpenShards> open_shards(const std::string& data_dir) {
  OpenShards shards;
  const auto count = count_shards(data_dir);
  if (count == 0) return Error{Errc::not_found, data_dir + " holds no store"};
  for (std::size_t shard = 0; shard < count; ++shard) {
    StoreOptions options;
    options.directory = store_dir(data_dir, shard);
    options.tables = stored_tables();
    // What is there is read whatever its size.
    options.use_bytes_max = std::numeric_limits<std::uint64_t>::max();
    auto store = Store::open(options);
    if (!store.ok()) return store.error();
    shards.stores.push_back(std::move(store).value());
    shards.snapshots.push_back(shards.stores.back()->snapshot());
  }
  return shards;
}

}  // namespace troupe::server
