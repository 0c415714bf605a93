// Which shard an actor lives in. Fixed when the data is made: the number of shards is in the store.
#pragma once

#include "runtime/actor/actor_id.h"

#include <cstdint>
#include <string_view>

namespace troupe {

struct ShardPlace {
  std::uint32_t index = 0;
  std::uint32_t count = 1;
};

/// The shard of the actor with this key in the table of names.
std::uint32_t shard_of_name(std::string_view name_key, std::uint32_t shards);

std::uint32_t shard_of(const ActorId& id, std::uint32_t shards);

}  // namespace troupe
