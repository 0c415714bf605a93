// What `troupe group ...` does, creating and watching aside; each returns the exit status.
#pragma once

#include "apps/troupe/cli/command.h"

#include <cstdint>
#include <string>

namespace troupe::cli {

struct GroupListOptions {
  std::uint32_t limit = 50;  // 0: all
};

struct GroupLogOptions {
  std::string group;
  bool failed = false;     // only of tasks that failed or ended as exception
  std::string expression;  // RE2; only lines in which it is found; empty: all
};

int group_list(const GlobalOptions& global, const GroupListOptions& options);
int group_log(const GlobalOptions& global, const GroupLogOptions& options);
int group_seal(const GlobalOptions& global, const std::string& group);

/// Gives another priority to all tasks of the group that have never ended, and says to how many.
int group_priority(const GlobalOptions& global, const std::string& group, const std::string& name);

/// Cancels every task of the group that has not ended, those that join meanwhile too, and says how
/// many. Repeating it is safe.
int group_cancel(const GlobalOptions& global, const std::string& group);

}  // namespace troupe::cli
