// Of objects: what holds for all of them.
#pragma once

#include "actors/kinds.h"
#include "runtime/base/time.h"

#include <cstddef>

namespace troupe {

namespace object {

inline constexpr const char* expire_timer = "expire";
/// So long an upload may take.
inline constexpr Duration upload_time_max{24LL * 60 * 60 * 1000};
/// Of a name; longer ones are refused.
inline constexpr std::size_t name_bytes_max = 2048;

}  // namespace object
}  // namespace troupe
