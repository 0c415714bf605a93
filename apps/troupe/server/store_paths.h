// Where the shards of a data directory are. The one place that knows.
#pragma once

#include "runtime/base/result.h"
#include "runtime/store/store.h"

#include <memory>
#include <string>
#include <vector>

namespace troupe::server {

/// The folder of one shard.
std::string store_dir(const std::string& data_dir, std::size_t shard);

/// How many shards a data directory has; 0 if it has no store yet.
std::size_t count_shards(const std::string& data_dir);

/// All shards of a directory that this process holds, and what is on disk in them.
struct OpenShards {
  std::vector<std::unique_ptr<Store>> stores;
  std::vector<std::unique_ptr<Snapshot>> snapshots;  // in the order of stores

  std::vector<const Snapshot*> views() const;
};

/// Opens the stores of a stopped data directory. Errors: `not_found` it has none; as Store::open.
Result<OpenShards> open_shards(const std::string& data_dir);

}  // namespace troupe::server
