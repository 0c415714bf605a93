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
  std::string last;
  scan_own(snapshot, tables::group_members, group.number, "", page.after,
           [&](std::string_view key, WordSpan) {
             if (found.size() == page.limit) {
               next = write_token(last);
               return false;
             }
             found.emplace_back(KeyReader(key).text());
             last = key;
             return true;
           });
  return found;
}

void scan_newest(const Snapshot& snapshot,
                 std::uint64_t before,
                 const std::function<bool(const GroupView&)>& visit) {
  std::string end = before == 0 ? std::string(8, '\xff') : KeyWriter().u64(before).key();
  while (const auto key = snapshot.last_key_before(tables::group_state.id, end)) {
    end = *key;
    const auto words = snapshot.get(tables::group_state.id, *key);
    if (!visit(GroupView{KeyReader(*key).u64(), decode_row(*words)})) return;
  }
}

}  // namespace troupe::task_group
