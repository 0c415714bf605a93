#include "runtime/store/shards.h"

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <system_error>

namespace troupe {
namespace {

bool exists(const std::string& path) {
  struct stat facts {};
  return stat(path.c_str(), &facts) == 0;
}

// All shards have been written to before any takes its first commit.
std::optional<std::uint32_t> find_missing(const std::vector<std::unique_ptr<Store>>& stores) {
  std::optional<std::uint32_t> fresh;
  bool in_use = false;
  for (std::uint32_t shard = 0; shard < stores.size(); ++shard) {
    const StoreState state = stores[shard]->snapshot()->state();
    if (state.batch == 0) fresh = shard;
    in_use = in_use || state.sequence > 0;
  }
  return in_use ? fresh : std::nullopt;
}

}  // namespace

std::string shard_directory(const std::string& directory, std::uint32_t shard) {
  return directory + "/" + std::to_string(shard);
}

std::uint32_t count_shards(const std::string& directory) {
  std::uint32_t count = 0;
  while (exists(shard_directory(directory, count))) ++count;
  return count;
}

Result<std::vector<std::unique_ptr<Store>>> open_shards(const StoreOptions& options,
                                                        std::uint32_t shards) {
  const std::string& directory = options.directory;
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error{Errc::unavailable,
                 "cannot create " + directory + ": " + std::generic_category().message(errno)};
  }
  const auto made = count_shards(directory);
  if (made > shards) {  // fewer: each store knows, and a kill may have come while they were made
    return Error{Errc::conflict, "the data in " + directory + " was made with store.shards = " +
                                     std::to_string(made) + ", not " + std::to_string(shards) +
                                     ": the number is fixed when data is made; set store.shards "
                                     "to " +
                                     std::to_string(made)};
  }
  std::vector<std::unique_ptr<Store>> stores;
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    StoreOptions own = options;
    own.directory = shard_directory(directory, shard);
    own.shard = shard;
    own.shards = shards;
    auto store = Store::open(own);
    if (!store.ok()) return store.error();
    stores.push_back(std::move(store).value());
  }
  if (const auto missing = find_missing(stores)) {
    return Error{Errc::corrupt, shard_directory(directory, *missing) +
                                    " holds nothing, and the other shards do: put it back, or "
                                    "restore a backup"};
  }
  return stores;
}

}  // namespace troupe
