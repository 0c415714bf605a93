// What `troupe check` and `troupe restore` print of a data directory.
#pragma once

#include "apps/troupe/cli/command.h"
#include "runtime/actor/check.h"

#include <string>

namespace troupe::cli {

/// Findings on standard output, one a line, then counts; or one object of JSON.
void print_findings(const Findings& findings, const std::string& data_dir, bool json);

}  // namespace troupe::cli
