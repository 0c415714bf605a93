// `troupe submit`: one task, its log and its outcome.
#pragma once

#include "apps/troupe/cli/command.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace troupe::cli {

struct SubmitOptions {
  std::string queue;             // empty: as in the group file
  std::string name;              // empty: the command itself
  std::vector<std::string> env;  // `K=V`
  std::vector<std::string> artifacts;
  std::string upload;  // a directory, or empty
  std::optional<std::int64_t> retries;
  std::string max_run_time;        // a span; empty: as in the group file
  std::string priority;            // empty: as in the group file
  std::vector<std::string> needs;  // names of tasks; ids where they become a file
  bool detach = false;
  std::vector<std::string> command;
};

/// The exit status. The log goes to standard output; with `--json` there go the task's status when
/// it is made and when it has ended, and the log to standard error.
int submit(const GlobalOptions& global, const SubmitOptions& options);

/// The options as a group file with one task.
std::string submit_file(const SubmitOptions& options);

/// `K=V`, split; Error `invalid` if there is no `=` or no name.
Result<std::vector<std::pair<std::string, std::string>>> split_env(
    const std::vector<std::string>& env);

}  // namespace troupe::cli
