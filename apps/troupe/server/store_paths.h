// Where the shards of a data directory are. The one place that knows.
#pragma once

#include "runtime/actor/shard_place.h"
#include "runtime/base/result.h"
#include "runtime/store/store.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::server {

/// The folder of the shards' folders.
std::string store_dir(const std::string& data_dir);

/// Bytes of all its shards' files; 0 if there are none yet.
std::uint64_t stored_bytes(const std::string& data_dir);

/// How a shard below `directory` is opened when no server runs on it.
StoreOptions offline_options(const std::string& directory, ShardPlace place);

/// All shards of a directory that this process holds, and what is on disk in them.
struct OpenShards {
  std::vector<std::unique_ptr<Store>> stores;
  std::vector<std::unique_ptr<Snapshot>> snapshots;  // in the order of stores

  std::vector<const Snapshot*> views() const;
};

/// Opens the stores of a stopped data directory. Data of an older version is refused unless
/// `upgrade` says otherwise: who only looks changes nothing. Errors: `not_found` it has none; as
/// Store::open.
Result<OpenShards> open_shards(const std::string& data_dir, UpgradeMode upgrade = UpgradeMode::no);

}  // namespace troupe::server
