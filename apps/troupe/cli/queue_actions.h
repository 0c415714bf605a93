// What `troupe queue ...` and `troupe explain` do; each returns the exit status.
#pragma once

#include "apps/troupe/cli/command.h"

#include <string>

namespace troupe::cli {

int queue_list(const GlobalOptions& global);
int queue_show(const GlobalOptions& global, const std::string& queue);
int queue_pending(const GlobalOptions& global, const std::string& queue);
int explain(const GlobalOptions& global, const std::string& subject);

}  // namespace troupe::cli
