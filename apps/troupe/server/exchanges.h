// The exchanges that entries of the event log have.
#pragma once

#include "runtime/base/result.h"

#include <string>
#include <vector>

namespace troupe::server {

/// All that the log knows, by their whole names.
std::vector<std::string> all_exchanges();

/// Whether a reader may ask for it: a pattern that has `*` or `#`, one that the log knows, or none
/// at all. Another would wait in silence. Errors: `invalid`, with what it may have meant.
Status check_exchange(const std::string& wanted);

}  // namespace troupe::server
