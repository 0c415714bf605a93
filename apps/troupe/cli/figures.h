// Times and sizes as people read them.
#pragma once

#include "runtime/base/time.h"

#include <cstdint>
#include <string>

namespace troupe::cli {

/// `12s ago`, `in 3h`, `now`; `-` for no time at all. One unit: the past is cut, the
/// future rounded, so that what was just given 30 days has 30 days.
std::string relative_time(Instant t, Instant now);

/// `120 ms`, `3m 4s`: how long from `start` to `end`, or to `now` while `end` is none; `-` without
/// a start.
std::string elapsed(Instant start, Instant end, Instant now);

/// `532 B`, `1.5 MiB`; `-` for a negative size.
std::string format_bytes(std::int64_t bytes);

}  // namespace troupe::cli
