// `troupe run` and `troupe group create`: a group file to a group of tasks.
#pragma once

#include "apps/troupe/cli/command.h"

#include <string>
#include <vector>

namespace troupe::cli {

struct RunOptions {
  std::string file;               // a file, a folder, or empty: found from here upwards
  std::vector<std::string> only;  // with what they need; empty: all
  std::vector<std::string> env;   // `K=V`, into every task
  bool dry_run = false;
  bool detach = false;
  std::string into;  // an existing group; empty: a new one
};

/// Creates the group and, unless detached, watches it; the exit status. Ctrl-C leaves the group to
/// itself (130); before the last task is there, nothing runs.
int run_group(const GlobalOptions& global, const RunOptions& options);

}  // namespace troupe::cli
