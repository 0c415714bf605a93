#include "apps/troupe/group_file/fields.h"
#include "apps/troupe/group_file/group_file.h"
#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/group_file/reader.h"
#include "apps/troupe/group_file/task_times.h"

#include <fmt/format.h>

namespace troupe::group_file {

Result<std::string> task_definition_from_file(std::string_view text,
                                              const std::string& file_name,
                                              Instant now) {
  Problems problems(file_name);
  auto root = read_document(text, problems);
  if (!root) return problems.error();
  if (!root->is_map() || (!root->members.empty() && !resembles(*root, definition_fields()))) {
    // Says nothing of what the file holds: it may be anything, given by mistake.
    Problems other(file_name);
    other.add(root->at,
              fmt::format("this is no task definition: a task definition is a map, not {}",
                          root->is_map() ? "one without any of its keys" : describe(*root)));
    return other.error();
  }
  check_keys(*root, definition_fields(), problems);
  check_types(*root, problems);
  if (Value* payload = root->find("payload")) make_env_text(*payload, problems);
  if (root->find("created") == nullptr) root->set("created", make_time({}));
  read_times(*root, problems);
  if (!problems.empty()) return problems.error();
  return to_json(*root, {.task_ids = {}, .now = now});
}

}  // namespace troupe::group_file
