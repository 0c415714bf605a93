// What `troupe group show` and `troupe group graph` do; each returns the exit status.
#pragma once

#include "apps/troupe/cli/command.h"

#include <string>

namespace troupe::cli {

/// The group with its tasks: how many are in which state, and each of them.
int group_show(const GlobalOptions& global, const std::string& group);

/// The tasks in an order in which each comes after what it needs; with `dot` as Graphviz reads it.
int group_graph(const GlobalOptions& global, const std::string& group, bool dot);

}  // namespace troupe::cli
