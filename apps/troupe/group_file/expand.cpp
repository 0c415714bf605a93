#include "apps/troupe/group_file/group_file.h"
#include "apps/troupe/group_file/problems.h"
#include "apps/troupe/group_file/task_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace troupe::group_file {
namespace {

// Which tasks to make: those named, what they need, and the upload.
Result<std::vector<bool>> choose(const GroupFile& file, const std::vector<std::string>& only) {
  std::vector<bool> chosen(file.tasks.size(), only.empty());
  std::set<std::string> names;
  for (const TaskPlan& task : file.tasks) names.insert({task.key, task.name});
  for (const std::string& name : only) {
    if (!names.contains(name)) {
      const std::vector<std::string> known(names.begin(), names.end());
      return Error{Errc::invalid, fmt::format("{}: no task `{}`{}", file.file_name, name,
                                              nearest_hint(name, known))};
    }
    for (std::size_t i = 0; i < file.tasks.size(); ++i) {
      if (file.tasks[i].key == name || file.tasks[i].name == name) chosen[i] = true;
    }
  }
  // What a task needs stands before it: one pass from the end marks everything.
  for (std::size_t i = file.tasks.size(); i-- > 0;) {
    if (!chosen[i]) continue;
    for (const std::size_t need : file.tasks[i].needs) chosen[need] = true;
  }
  return chosen;
}

// The upload outlives every task that mounts it, and lies in the same scheduler and project.
Value upload_definition(const GroupFile& file, Instant now) {
  Instant deadline = now;
  Instant expires = now;
  Value definition = make_map();
  definition.set("taskQueueId", make_text(upload_queue));
  for (const TaskPlan& task : file.tasks) {
    for (const char* field : {"schedulerId", "projectId"}) {
      const Value* value = task.definition.find(field);
      if (value != nullptr && definition.find(field) == nullptr) definition.set(field, *value);
    }
    if (const Value* written = task.definition.find("deadline")) {
      deadline = std::max(deadline, resolve_time(*written, now));
    }
    if (const Value* written = task.definition.find("expires")) {
      expires = std::max(expires, resolve_time(*written, now));
    }
  }
  definition.set("retries", make_integer(0));
  definition.set("created", make_text(format_time(now)));
  definition.set("deadline", make_text(format_time(deadline)));
  definition.set("expires", make_text(format_time(std::max(deadline, expires))));
  definition.set("payload", make_map());
  Value metadata = make_map();
  metadata.set("name", make_text(upload_name));
  metadata.set("description", make_text(fmt::format("the files of `{}`", *file.upload)));
  definition.set("metadata", std::move(metadata));
  return definition;
}

void fill_in(Value& definition, const ExpandOptions& options) {
  definition.set("taskGroupId", make_text(options.group_id));
  Value filled = make_map();
  filled.set("owner", make_text(options.owner));
  filled.set("source", make_text(options.source));
  merge(definition.map_at("metadata"), filled);
}

std::string queue_of(const Value& definition) {
  if (const Value* queue = definition.find("taskQueueId")) return queue->text;
  const Value* provisioner = definition.find("provisionerId");
  const Value* worker_type = definition.find("workerType");
  if (provisioner == nullptr || worker_type == nullptr) return "";
  return provisioner->text + "/" + worker_type->text;
}

}  // namespace

Result<std::vector<ExpandedTask>> expand(const GroupFile& file, const ExpandOptions& options) {
  const auto chosen = choose(file, options.only);
  if (!chosen) return chosen.error();
  std::vector<std::string> ids(file.tasks.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (chosen.value()[i]) ids[i] = options.new_id();
  }
  std::vector<ExpandedTask> tasks;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!chosen.value()[i]) continue;
    const TaskPlan& plan = file.tasks[i];
    ExpandedTask task;
    task.name = plan.name;
    task.task_id = ids[i];
    task.plan = i;
    task.is_upload = file.upload && i == 0;
    const Position at = task.is_upload ? file.upload_at : plan.at;
    task.where = fmt::format("{}:{}:{}", file.file_name, at.line, at.column);
    Value definition = task.is_upload ? upload_definition(file, options.now) : plan.definition;
    fill_in(definition, options);
    if (!task.is_upload && !options.env.empty()) {
      Value& env = definition.map_at("payload").map_at("env");
      for (const auto& [name, value] : options.env) env.set(name, make_text(value));
    }
    task.queue = queue_of(definition);
    task.definition_json = to_json(definition, {.task_ids = ids, .now = options.now});
    tasks.push_back(std::move(task));
  }
  return tasks;
}

Position position_of(const GroupFile& file, const ExpandedTask& task, std::string_view field) {
  if (task.is_upload) return file.upload_at;
  const TaskPlan& plan = file.tasks[task.plan];
  const Position at = position_of(plan.definition, field);
  return at == plan.definition.at ? plan.at : at;
}

}  // namespace troupe::group_file
