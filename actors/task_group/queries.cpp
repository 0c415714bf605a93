#include "actors/task_group/queries.h"

#include "actors/kinds.h"
#include "actors/task_group/group_actor.h"

namespace troupe::task_group {

std::optional<GroupView> find_group(const Snapshot& snapshot, const std::string& id) {
  if (id.empty() || id.find('\0') != std::string::npos) return std::nullopt;
  const auto number = find_actor_number(snapshot, task_group_id(id));
  const auto words = own_row(snapshot, tables::group_state, number);
  if (!words) return std::nullopt;
  return GroupView{number, decode_row(*words)};
}

std::vector<std::string> list_members(const Snapshot& snapshot,
                                      const GroupView& group,
                                      const Page& page,
                                      std::string& next) {
  std::vector<std::string> found;
  page_own(snapshot, tables::group_members, group.number, "", page, next,
           [&found](std::string_view key, WordSpan) { found.emplace_back(KeyReader(key).text()); });
  return found;
}

void scan_newest(const Snapshot& snapshot,
                 std::uint64_t before,
                 const std::function<bool(const GroupView&)>& visit) {
  troupe::scan_newest(snapshot, tables::group_state, before,
                      [&visit](std::uint64_t number, WordSpan words) {
                        return visit({number, decode_row(words)});
                      });
}

}  // namespace troupe::task_group
