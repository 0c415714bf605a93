// A drain: a quarantine without an end, as the contract has no other word for it. What is written
// down with it says that it is one.
#pragma once

#include "runtime/base/time.h"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::worker {

/// What the contract has written down of a quarantine without a reason; nothing to show to people.
inline constexpr std::string_view no_reason = "[unspecified]";

/// Until when a worker is in quarantine that is drained now: nobody's task waits for so long.
Instant drained_until(Instant now);

/// What is written down with a drain: why, for people; may be empty.
std::string drain_info(const std::string& reason);

/// Why a worker is drained, if the quarantine that began at `updated` is a drain.
std::optional<std::string> drain_reason(Instant updated, Instant until, std::string_view info);

}  // namespace troupe::worker
