// `troupe group rerun`.
#pragma once

#include "apps/troupe/cli/command.h"

#include <string>

namespace troupe::cli {

struct GroupRerunOptions {
  std::string group;
  bool failed = false;  // only what failed or ended as exception
};

/// Reruns what is resolved, each task once what it needs has ended again as it wants it to, and
/// ends when all are rerun; the last of them may still run. What needs a task that does not
/// complete is left as it is, and makes the exit status 1. Ctrl-C leaves what is not rerun yet.
int group_rerun(const GlobalOptions& global, const GroupRerunOptions& options);

}  // namespace troupe::cli
