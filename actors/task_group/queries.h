// What can be asked about task groups, answered from a snapshot.
#pragma once

#include "actors/lookup.h"
#include "actors/task_group/state.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace troupe::task_group {

struct GroupView {
  std::uint64_t number = 0;
  GroupState state;
};

std::optional<GroupView> find_group(const Snapshot& snapshot, const std::string& id);

/// Ids of members in order, those that are still being created included.
std::vector<std::string> list_members(const Snapshot& snapshot,
                                      const GroupView& group,
                                      const Page& page,
                                      std::string& next);

/// Visits groups from the newest to the oldest, those older than `before` (a number; 0: all).
void scan_newest(const Snapshot& snapshot,
                 std::uint64_t before,
                 const std::function<bool(const GroupView&)>& visit);

}  // namespace troupe::task_group
