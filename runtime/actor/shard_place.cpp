#include "runtime/actor/shard_place.h"

#include "runtime/actor/envelope.h"

namespace troupe {

// FNV-1a, its bits mixed once more. On disk for ever, so it must be the same on every machine and
// in every version.
std::uint32_t shard_of_name(std::string_view name_key, std::uint32_t shards) {
  if (shards == 1) return 0;
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : name_key) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33;
  return static_cast<std::uint32_t>(hash % shards);
}

std::uint32_t shard_of(const ActorId& id, std::uint32_t shards) {
  return shards == 1 ? 0 : shard_of_name(name_key(id), shards);
}

}  // namespace troupe
