// Times as people write them: `1d`, `2026-01-31T08:00:00Z`, `{$fromNow: 2 hours}`.
#pragma once

#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/group_file/value.h"
#include "runtime/base/time.h"

#include <optional>
#include <string_view>

namespace troupe::group_file {

/// JSON-e's time expression (`1 day 2 hours`, `-5 min`), or one of ours (`1h30m`). A year has 365
/// days, a month 30. Source: spec/json-e.md, "Time expressions".
std::optional<Duration> parse_from_now(std::string_view text);

/// Makes a duration or `{$fromNow: ...}` a Value of kind time; a time stays as it was written.
/// Anything else is a problem.
void read_time(Value& value, std::string_view field, Problems& problems);

/// The same for the times of a definition: `created`, `deadline`, `expires` and those of
/// `payload.artifacts`.
void read_times(Value& definition, Problems& problems);

/// What a value read by read_time means.
Instant resolve_time(const Value& value, Instant now);

}  // namespace troupe::group_file
