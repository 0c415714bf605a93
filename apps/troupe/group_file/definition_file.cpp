#include "apps/troupe/group_file/fields.h"
#include "apps/troupe/group_file/group_file.h"
#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/group_file/reader.h"
#include "apps/troupe/group_file/task_times.h"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::group_file {

namespace {

// What nobody would write but to say what everybody means.
void fill_defaults(Value& definition) {
  const bool placed = definition.find("taskQueueId") != nullptr ||
                      definition.find("provisionerId") != nullptr ||
                      definition.find("workerType") != nullptr;
  if (!placed) definition.set("taskQueueId", make_text(default_queue));
  if (definition.find("created") == nullptr) definition.set("created", make_time({}));
  if (definition.find("deadline") == nullptr) {
    definition.set("deadline", make_time(default_deadline));
  }
}

}  // namespace

std::optional<Value> read_definition(std::string_view text, Problems& problems) {
  auto root = read_document(text, problems);
  if (!root) return std::nullopt;
  if (!root->is_map() || (!root->members.empty() && !resembles(*root, definition_fields()))) {
    // Says nothing of what the file holds: it may be anything, given by mistake.
    problems.clear();
    problems.add(root->at,
                 fmt::format("this is no task definition: a task definition is a map, not {}",
                             root->is_map() ? "one without any of its keys" : describe(*root)));
    return std::nullopt;
  }
  check_keys(*root, definition_fields(), problems);
  const auto& known = definition_fields();
  std::erase_if(root->members, [&known](const Member& member) {
    return std::find(known.begin(), known.end(), member.key) == known.end();
  });
  check_types(*root, problems);
  if (Value* payload = root->find("payload")) make_env_text(*payload, problems);
  fill_defaults(*root);
  read_times(*root, problems);
  return root;
}

}  // namespace troupe::group_file
