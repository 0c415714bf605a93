#include "actors/object/queries.h"

namespace troupe::object {

std::optional<ObjectView> find_object(const Snapshot& snapshot,
                                      const std::string& name,
                                      Instant now) {
  if (name.empty() || name.find('\0') != std::string::npos) return std::nullopt;
  const auto words =
      own_row(snapshot, tables::object_state, find_actor_number(snapshot, object_id(name)));
  if (!words) return std::nullopt;
  ObjectView view(*words);
  const auto row = view.row();
  if (row.getUploadId().size() > 0 || Instant{row.getExpires()} < now) return std::nullopt;
  return view;
}

}  // namespace troupe::object
