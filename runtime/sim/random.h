// The dice of a simulation: everything random of one run comes from one generator, in order.
#pragma once

#include <cstdint>
#include <random>

namespace troupe::sim {

/// The same numbers on every machine, unlike the library's distributions.
using Random = std::mt19937_64;

/// A number less than `limit`, which is not 0. The slight bias of the remainder does not matter.
inline std::uint64_t below(Random& random, std::uint64_t limit) {
  return random() % limit;
}

/// Happens this often in a thousand.
inline bool happens(Random& random, std::uint32_t per_thousand) {
  return per_thousand != 0 && below(random, 1'000) < per_thousand;
}

}  // namespace troupe::sim
