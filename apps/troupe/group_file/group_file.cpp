#include "apps/troupe/group_file/group_file.h"

#include "apps/troupe/group_file/fields.h"
#include "apps/troupe/group_file/inputs.h"
#include "apps/troupe/group_file/matrix.h"
#include "apps/troupe/group_file/order.h"
#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/group_file/reader.h"
#include "apps/troupe/group_file/task_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace troupe::group_file {
namespace {

// More is a group that should be made by a program, in slices.
constexpr std::size_t tasks_max = 100'000;

void read_upload(const Value& root, GroupFile& file, Problems& problems) {
  const Value* upload = root.find("upload");
  if (upload == nullptr) return;
  file.upload_at = upload->at;
  if (!upload->is_text() || upload->text.empty()) {
    problems.add(upload->at, fmt::format("`upload` is a directory, not {}", describe(*upload)));
    return;
  }
  file.upload = upload->text;
}

void read_seal(const Value& root, GroupFile& file, Problems& problems) {
  const Value* seal = root.find("seal");
  if (seal == nullptr) return;
  if (seal->kind != Value::Kind::boolean) {
    problems.add(seal->at, fmt::format("`seal` is true or false, not {}", describe(*seal)));
    return;
  }
  file.seal = seal->text[0] == 't' || seal->text[0] == 'T';
}

// A name is also a part of paths and of `TASK:ARTIFACT`.
void check_name(const Member& task, Problems& problems) {
  const std::string& name = task.key;
  if (name == upload_name) {
    problems.add(task.key_at, "`upload` is a reserved name; call the task something else");
  }
  const bool bad_start = name.empty() || name[0] == '-' || name[0] == '.';
  const bool bad_character = std::any_of(name.begin(), name.end(), [](char c) {
    return c == ':' || c == '/' || c == '$' || static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
  });
  if (bad_start || bad_character) {
    problems.add(task.key_at,
                 fmt::format("{} cannot name a task: no spaces, `:`, `/` or `$`, and no `-` or "
                             "`.` in front",
                             quoted_name(name)));
  }
}

// The values that a task's own `env` and its matrix both give contradict each other.
void check_matrix_env(const Value& task, Problems& problems) {
  const Value* matrix = task.find("matrix");
  const Value* payload = task.find("payload");
  const Value* env = payload == nullptr ? nullptr : payload->find("env");
  if (matrix == nullptr || env == nullptr) return;
  for (const Member& member : matrix->members) {
    if (env->find(member.key) == nullptr) continue;
    problems.add(member.key_at,
                 fmt::format("`{}` is in `env` and in `matrix`; keep one", member.key));
  }
}

void read_combinations(const Member& member,
                       const Value& task,
                       bool upload,
                       std::vector<DraftTask>& drafts,
                       Problems& problems) {
  const Value* matrix = task.find("matrix");
  for (const Combination& combination : combinations(matrix, problems)) {
    Value one = task;
    substitute(one, combination, problems);
    TaskPlan plan;
    plan.key = member.key;
    plan.name = combined_name(member.key, combination);
    plan.at = member.key_at;
    drafts.push_back(read_task(one, std::move(plan), upload, problems));
    drafts.back().of_matrix = matrix != nullptr;
  }
}

void check_names_differ(const std::vector<DraftTask>& drafts, Problems& problems) {
  std::map<std::string, const TaskPlan*> seen;
  for (const DraftTask& draft : drafts) {
    const auto [other, is_new] = seen.emplace(draft.plan.name, &draft.plan);
    // Nobody wrote the upload task: whoever takes its name was told that it is reserved.
    if (is_new || other->second->at == Position{}) continue;
    problems.add(draft.plan.at, fmt::format("two tasks are named `{}`; the other is in line {}",
                                            draft.plan.name, other->second->at.line));
  }
}

std::vector<DraftTask> read_tasks(const Value& root, bool upload, Problems& problems) {
  Value defaults = make_map();
  if (const Value* written = root.find("defaults")) {
    defaults = *written;
    if (!normalise_fields(defaults, "`defaults`", problems)) defaults = make_map();
  }
  std::vector<DraftTask> drafts;
  if (upload) {
    DraftTask draft;
    draft.plan.name = draft.plan.key = upload_name;
    draft.plan.definition = make_map();
    drafts.push_back(std::move(draft));
  }
  const Value* tasks = root.find("tasks");
  if (tasks == nullptr || !tasks->is_map() || tasks->members.empty()) {
    problems.add(tasks == nullptr ? root.at : tasks->at,
                 "`tasks` is a map of names to tasks, at least one");
    return drafts;
  }
  for (const Member& member : tasks->members) {
    check_name(member, problems);
    Value task = member.value;
    const std::string what = fmt::format("the task `{}`", member.key);
    if (!normalise_fields(task, what.c_str(), problems)) continue;
    check_matrix_env(task, problems);
    apply_defaults(task, defaults);
    read_combinations(member, task, upload, drafts, problems);
    if (drafts.size() > tasks_max) {
      problems.add(member.key_at, fmt::format("more than {} tasks in one file", tasks_max));
      break;
    }
  }
  return drafts;
}

// The file may name the group, as any field; then all tasks must mean the same one.
void read_group_id(GroupFile& file, Problems& problems) {
  for (const TaskPlan& task : file.tasks) {
    const Value* id = task.definition.find("taskGroupId");
    if (id == nullptr) continue;
    if (file.task_group_id && *file.task_group_id != id->text) {
      problems.add(id->at, "the tasks of a file are one group: `taskGroupId` differs");
    }
    file.task_group_id = id->text;
  }
}

// Says nothing of what the file holds: it may be anything, given by mistake.
std::string not_a_group_file(const Value& root) {
  return fmt::format(
      "this is no group file: a group file is a map with `tasks`, not {}",
      root.is_map() ? "one without any of the keys of a group file" : describe(root));
}

}  // namespace

std::optional<GroupFile> read_group_file(std::string_view text,
                                         const std::string& file_name,
                                         Problems& problems) {
  const auto root = read_document(text, problems);
  if (!root) return std::nullopt;
  static const std::vector<std::string> known = {"upload", "defaults", "tasks", "seal"};
  if (!root->is_map() || (!root->members.empty() && !resembles(*root, known))) {
    problems.clear();
    problems.add(root->at, not_a_group_file(*root));
    return std::nullopt;
  }
  check_keys(*root, known, problems);
  GroupFile file;
  file.file_name = file_name;
  read_upload(*root, file, problems);
  read_seal(*root, file, problems);
  std::vector<DraftTask> drafts = read_tasks(*root, file.upload.has_value(), problems);
  check_names_differ(drafts, problems);
  link_tasks(drafts, file.upload.has_value(), problems);
  file.tasks.reserve(drafts.size());
  for (DraftTask& draft : drafts) file.tasks.push_back(std::move(draft.plan));
  sort_by_dependencies(file.tasks, problems);
  read_group_id(file, problems);
  return file;
}

Result<GroupFile> parse(std::string_view text, const std::string& file_name) {
  Problems problems(file_name);
  auto file = read_group_file(text, file_name, problems);
  if (!problems.empty()) return problems.error();
  return std::move(*file);
}

}  // namespace troupe::group_file
