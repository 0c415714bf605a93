// Dependency order, and the cycles that forbid one.
#pragma once

#include "apps/troupe/group_file/group_file.h"
#include "apps/troupe/group_file/problems.h"

#include <vector>

namespace troupe::group_file {

/// Sorts tasks so that each comes after what it needs, otherwise as they are; adjusts `needs` and
/// every id to come. Each cycle is a problem at its first task, and then the order stays.
void sort_by_dependencies(std::vector<TaskPlan>& tasks, Problems& problems);

}  // namespace troupe::group_file
