#include "apps/troupe/group_file/task_reader.h"

#include "apps/troupe/group_file/fields.h"
#include "apps/troupe/group_file/scalars.h"
#include "apps/troupe/group_file/task_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace troupe::group_file {
namespace {

constexpr Duration default_expires{std::chrono::hours{24 * 30}};
constexpr std::int64_t default_max_run_seconds = 3'600;
constexpr std::int64_t max_run_seconds_max = 366LL * 24 * 60 * 60;  // as workers take it
constexpr std::int64_t default_retries = 5;
constexpr std::int64_t exit_code_max = 255;

void read_queue(const Value& task, Value& definition) {
  const bool halves = task.find("provisionerId") != nullptr && task.find("workerType") != nullptr;
  if (const Value* queue = task.find("queue")) {
    definition.set("taskQueueId", *queue);
  } else if (task.find("taskQueueId") == nullptr && !halves) {
    definition.set("taskQueueId", make_text(default_queue));
  }
}

void read_run(const Value& task, bool upload, Value& payload, Problems& problems) {
  const Value* run = task.find("run");
  if (run == nullptr) {
    // A payload for another kind of worker may name an image in place of a command.
    if (payload.find("command") == nullptr && payload.find("image") == nullptr) {
      problems.add(task.at, "a task needs `run`, or `payload` with a `command`");
    }
    return;
  }
  if (run->is_text() && run->text.empty()) {
    problems.add(run->at, "`run` is empty: it is a shell script, such as `true`");
    return;
  }
  if (!run->is_scalar() || run->kind == Value::Kind::null) {
    problems.add(run->at, fmt::format("`run` is a shell script, not {}", describe(*run)));
    return;
  }
  Value command = make_list();
  command.items = {make_text("/bin/sh"), make_text("-ec"),
                   make_text((upload ? "cd src\n" : "") + run->text)};
  Value commands = make_list();
  commands.items.push_back(std::move(command));
  payload.set("command", std::move(commands));
}

void read_max_run_time(const Value& task, Value& payload, Problems& problems) {
  const Value* written = task.find("maxRunTime");
  if (written == nullptr) {
    if (payload.find("maxRunTime") == nullptr) {
      payload.set("maxRunTime", make_integer(default_max_run_seconds));
    }
    return;
  }
  auto seconds = integer_of(*written);
  if (!seconds && written->is_text()) {
    if (const auto span = parse_duration(written->text)) {
      seconds = std::chrono::ceil<std::chrono::seconds>(*span).count();
    }
  }
  if (!seconds || *seconds < 1 || *seconds > max_run_seconds_max) {
    problems.add(written->at,
                 fmt::format("`maxRunTime` is a span of time (`20m`) or seconds, from 1s to 366d, "
                             "not {}",
                             written->is_scalar() ? quoted_name(written->text)
                                                  : std::string(describe(*written))));
    return;
  }
  payload.set("maxRunTime", make_integer(*seconds));
}

Value retry_codes(const Value& written, Problems& problems) {
  Value codes = make_list();
  if (written.is_text() && written.text == "any") {
    for (std::int64_t code = 1; code <= exit_code_max; ++code) {
      codes.items.push_back(make_integer(code));
    }
    return codes;
  }
  if (!written.is_list()) {
    problems.add(written.at, "`retryOn` is `any` or a list of exit codes");
    return codes;
  }
  std::set<std::int64_t> seen;
  for (const Value& item : written.items) {
    const auto code = integer_of(item);
    if (!code || *code < 1 || *code > exit_code_max) {
      problems.add(item.at, "retryOn: an exit code is a number from 1 to 255");
    } else if (!seen.insert(*code).second) {
      problems.add(item.at, fmt::format("retryOn: {} is there twice", *code));
    } else {
      codes.items.push_back(make_integer(*code));
    }
  }
  return codes;
}

void read_retries(const Value& task, Value& definition, Value& payload, Problems& problems) {
  if (const Value* written = task.find("retryOn")) {
    payload.map_at("onExitStatus").set("retry", retry_codes(*written, problems));
  }
  const Value* retries = task.find("retries");
  if (retries == nullptr) {
    definition.set("retries", make_integer(default_retries));
  } else if (retries->kind == Value::Kind::number) {
    const auto count = integer_of(*retries);
    if (count && *count >= 0 && *count <= retries_max) return;
    problems.add(retries->at, fmt::format("`retries` is a whole number from 0 to {}, not {}",
                                          retries_max, retries->text));
  }
}

void read_metadata(const std::string& name, Value& definition, Problems& problems) {
  Value& metadata = definition.map_at("metadata");
  check_keys(metadata, {"name", "description", "owner", "source"}, problems);
  for (const Member& member : metadata.members) {
    if (member.value.is_text()) continue;
    problems.add(member.value.at,
                 fmt::format("metadata: `{}` is text, not {}", member.key, describe(member.value)));
  }
  merge(metadata, [&name] {
    Value filled = make_map();
    filled.set("name", make_text(name));
    filled.set("description", make_text(""));
    return filled;
  }());
}

// A short artifact: a path, or a map with one.
void read_artifact(const Value& written, DraftTask& draft, bool upload, Problems& problems) {
  static const std::vector<std::string> known = {
      "path", "name", "type", "expires", "contentType", "contentEncoding", "optional"};
  if (!written.is_text() && !written.is_map()) {
    problems.add(written.at,
                 fmt::format("an artifact is a path or a map, not {}", describe(written)));
    return;
  }
  Value artifact = written.is_map() ? written : make_map(written.at);
  if (written.is_text()) artifact.set("path", written);
  check_keys(artifact, known, problems);
  const Value* path = artifact.find("path");
  if (path == nullptr) {
    problems.add(written.at, "an artifact needs a `path`");
    return;
  }
  const Value* type = artifact.find("type");
  const bool slash = path->is_text() && path->text.ends_with('/');
  if (type != nullptr &&
      (slash ? type->text != "directory" : type->text != "file" && type->text != "directory")) {
    problems.add(type->at,
                 slash ? "a path ending in `/` is a directory" : "`type` is `file` or `directory`");
  }
  ListedArtifact listed;
  listed.path = clean_path(*path, problems);
  listed.directory = slash || (type != nullptr && type->text == "directory");
  const Value* name = artifact.find("name");
  listed.name = "public/" + listed.path.substr(listed.path.starts_with('/') ? 1 : 0);
  if (name != nullptr) listed.name = name->text;
  if (name != nullptr && (!name->is_text() || name->text.empty())) {
    problems.add(name->at, "an artifact's `name` is text such as `public/app.deb`");
  }
  const bool taken =
      std::any_of(draft.artifacts.begin(), draft.artifacts.end(),
                  [&listed](const ListedArtifact& other) { return other.name == listed.name; });
  if (taken) problems.add(written.at, fmt::format("two artifacts named `{}`", listed.name));

  artifact.set("type", make_text(listed.directory ? "directory" : "file"));
  artifact.set("path", make_text(placed_path(listed.path, upload)));
  artifact.set("name", make_text(listed.name));
  Value& payload = *draft.plan.definition.find("payload");
  payload.find("artifacts")->items.push_back(std::move(artifact));
  draft.artifacts.push_back(std::move(listed));
}

// What a payload's own `artifacts`, which pass unchanged, offer to inputs.
void list_written_artifacts(const Value& artifacts, DraftTask& draft) {
  draft.knows_artifacts = artifacts.is_list();  // other workers' are maps by name
  for (const Value& artifact : artifacts.items) {
    const Value* path = artifact.find("path");
    const Value* name = artifact.find("name");
    const Value* type = artifact.find("type");
    if (path == nullptr && name == nullptr) continue;
    ListedArtifact listed;
    listed.path = path == nullptr ? "" : path->text;
    listed.name = name == nullptr ? listed.path : name->text;
    listed.directory = type != nullptr && type->text == "directory";
    draft.artifacts.push_back(std::move(listed));
  }
}

void read_artifacts(const Value& task, DraftTask& draft, bool upload, Problems& problems) {
  Value& payload = *draft.plan.definition.find("payload");
  const Value* written = task.find("artifacts");
  if (written == nullptr) {
    if (const Value* own = payload.find("artifacts")) list_written_artifacts(*own, draft);
    return;
  }
  payload.set("artifacts", make_list());
  for (const Value& item : written->items) read_artifact(item, draft, upload, problems);
}

void read_caches(const Value& task, DraftTask& draft, bool upload, Problems& problems) {
  const Value* caches = task.find("caches");
  if (caches == nullptr) return;
  Value& scopes = draft.plan.definition.find("scopes") != nullptr
                      ? *draft.plan.definition.find("scopes")
                      : draft.plan.definition.set("scopes", make_list());
  for (const Member& cache : caches->members) {
    if (!cache.value.is_text()) {
      problems.add(cache.value.at, fmt::format("caches: `{}` is a directory, not {}", cache.key,
                                               describe(cache.value)));
      continue;
    }
    if (cache.value.text.starts_with('/')) {
      problems.add(cache.value.at, fmt::format("caches: `{}` is a directory below the task's, not "
                                               "{}, an absolute path",
                                               cache.key, quoted_name(cache.value.text)));
      continue;
    }
    Value mount = make_map();
    mount.set("cacheName", make_text(cache.key));
    mount.set("directory", make_text(placed_path(clean_path(cache.value, problems), upload)));
    draft.cache_mounts.push_back(std::move(mount));
    add_text_once(scopes, "generic-worker:cache:" + cache.key);
  }
}

Input read_input_map(const Value& written, Problems& problems) {
  Input input;
  input.at = written.at;
  check_keys(written, {"from", "artifact", "file", "directory", "format"}, problems);
  const auto text_of = [&](std::string_view key) -> std::string {
    const Value* value = written.find(key);
    if (value == nullptr) return "";
    if (value->is_text() && !value->text.empty()) return value->text;
    problems.add(value->at, fmt::format("inputs: `{}` is text, not {}", key, describe(*value)));
    return "";
  };
  input.from = text_of("from");
  input.artifact = text_of("artifact");
  input.format = text_of("format");
  const Value* file = written.find("file");
  const Value* directory = written.find("directory");
  if (written.find("from") == nullptr || written.find("artifact") == nullptr) {
    problems.add(written.at, "an input needs `from` and `artifact`");
  }
  if ((file == nullptr) == (directory == nullptr)) {
    problems.add(written.at, "an input needs `file` or `directory`: where to put the artifact");
    return input;
  }
  input.unpack = directory != nullptr;
  const Value& target = input.unpack ? *directory : *file;
  input.target = clean_path(target, problems);
  if (input.target.starts_with('/')) {
    problems.add(target.at, fmt::format("inputs: a place below the task's directory, not {}, an "
                                        "absolute path",
                                        quoted_name(input.target)));
  }
  return input;
}

void read_inputs(const Value& task, DraftTask& draft, Problems& problems) {
  const Value* inputs = task.find("inputs");
  if (inputs == nullptr) return;
  for (const Value& written : inputs->items) {
    if (written.is_map()) {
      draft.inputs.push_back(read_input_map(written, problems));
      continue;
    }
    const auto colon = written.text.find(':');
    if (!written.is_text() || colon == std::string::npos || colon == 0 ||
        colon + 1 == written.text.size()) {
      problems.add(written.at, "an input is `TASK:ARTIFACT`, or a map with `from` and `artifact`");
      continue;
    }
    Input input;
    input.from = written.text.substr(0, colon);
    input.artifact = written.text.substr(colon + 1);
    input.at = written.at;
    draft.inputs.push_back(std::move(input));
  }
}

}  // namespace

DraftTask read_task(const Value& task, TaskPlan plan, bool upload, Problems& problems) {
  DraftTask draft;
  draft.plan = std::move(plan);
  Value& definition = draft.plan.definition;
  definition = make_map(task.at);
  read_queue(task, definition);
  for (const Member& member : task.members) {
    const auto& fields = definition_fields();
    if (std::find(fields.begin(), fields.end(), member.key) == fields.end()) continue;
    definition.set(member.key, member.value);
  }
  if (definition.find("created") == nullptr) definition.set("created", make_time({}));
  if (definition.find("deadline") == nullptr) {
    definition.set("deadline", make_time(default_deadline));
  }
  if (definition.find("expires") == nullptr) definition.set("expires", make_time(default_expires));
  definition.map_at("payload");
  read_metadata(draft.plan.name, definition, problems);

  Value& payload = definition.map_at("payload");
  read_run(task, upload, payload, problems);
  read_max_run_time(task, payload, problems);
  read_artifacts(task, draft, upload, problems);
  read_times(definition, problems);
  read_retries(task, definition, *definition.find("payload"), problems);
  read_caches(task, draft, upload, problems);
  read_inputs(task, draft, problems);
  if (const Value* needs = task.find("needs")) draft.needs = needs->items;
  return draft;
}

std::string clean_path(const Value& written, Problems& problems) {
  std::string path = written.is_scalar() ? written.text : "";
  while (path.starts_with("./")) path.erase(0, path.find_first_not_of('/', 1));
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path.empty() || path == "." || path == "/") {
    problems.add(written.at, "a path is needed here, below the task's directory or absolute");
  }
  if (path == ".." || path.starts_with("../") || path.ends_with("/..") ||
      path.find("/../") != std::string::npos) {
    problems.add(written.at, fmt::format("`{}` leaves the task's directory", path));
  }
  return path;
}

std::string placed_path(const std::string& path, bool upload) {
  return upload && !path.starts_with('/') ? "src/" + path : path;
}

}  // namespace troupe::group_file
