// Spans of time that flags give.
#pragma once

#include "runtime/base/result.h"
#include "runtime/base/time.h"

#include <string>

namespace troupe::cli {

/// When the span of `text`, the value of `flag`, is over if it begins now. `example`: such spans.
/// Fails with `invalid` if it is none, or ends after the last time that can be written.
Result<Instant> end_of_span(const std::string& flag,
                            const std::string& text,
                            const std::string& example,
                            Instant now);

}  // namespace troupe::cli
