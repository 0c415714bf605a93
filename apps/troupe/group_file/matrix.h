// One task per combination of a matrix's values.
#pragma once

#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/group_file/value.h"

#include <string>
#include <utility>
#include <vector>

namespace troupe::group_file {

/// One choice of a value for each name; empty for a task without a matrix.
using Combination = std::vector<std::pair<std::string, std::string>>;

/// All combinations, the first name varying slowest; values stay as written. A task without a
/// matrix has one, empty. At most 10,000.
std::vector<Combination> combinations(const Value* matrix, Problems& problems);

/// `test-unit-1`: characters that do not belong in a name become `-`.
std::string combined_name(const std::string& task, const Combination& combination);

/// Puts the values into `payload.env` and, for `${name}`, into every text but `run`. Requires a
/// normalised task. An unknown name is a problem outside `payload`, where it is the shell's.
void substitute(Value& task, const Combination& combination, Problems& problems);

}  // namespace troupe::group_file
