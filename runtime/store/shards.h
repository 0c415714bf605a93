// The stores of all shards of one data directory: `DIR/0`, `DIR/1`, ...
#pragma once

#include "runtime/store/store.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// The folder of one shard.
std::string shard_directory(const std::string& directory, std::uint32_t shard);

/// How many shards the data in `directory` has; 0 without any.
std::uint32_t count_shards(const std::string& directory);

/// Opens or creates the stores of `shards` shards in `options.directory`, in order; the limit of
/// use holds for each. Errors: `conflict` if the data there was made with another number of
/// shards; `corrupt` one is missing, and the others are in use; others as of Store::open.
Result<std::vector<std::unique_ptr<Store>>> open_shards(const StoreOptions& options,
                                                        std::uint32_t shards);

}  // namespace troupe
