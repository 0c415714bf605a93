#include "apps/troupe/group_file/inputs.h"

#include "runtime/base/random.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

namespace troupe::group_file {
namespace {

// Longest first. Source: spec/generic-worker.md, "Mounts and caches".
constexpr std::array<std::string_view, 14> archive_formats = {
    "tar.bz2", "tar.lz4", "tar.zst", "tar.br", "tar.gz", "tar.lz", "tar.mz",
    "tar.sz",  "tar.xz",  "tar.zz",  "rar",    "tar",    "zip",    "7z"};
constexpr std::array<std::string_view, 10> file_formats = {"br", "bz2", "gz", "lz",  "lz4",
                                                           "mz", "sz",  "xz", "zst", "zz"};

std::string archive_format_of(std::string_view artifact) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> short_forms = {
      {{".tgz", "tar.gz"}, {".tbz2", "tar.bz2"}, {".txz", "tar.xz"}, {".tzst", "tar.zst"}}};
  for (const std::string_view format : archive_formats) {
    if (artifact.ends_with("." + std::string(format))) return std::string(format);
  }
  for (const auto& [extension, format] : short_forms) {
    if (artifact.ends_with(extension)) return std::string(format);
  }
  return "";
}

bool is_full_name(std::string_view artifact) {
  return artifact.starts_with("public/") || artifact.starts_with("private/") ||
         artifact.starts_with("project/");
}

template <class Formats>
bool is_one_of(const Formats& formats, std::string_view format) {
  return std::find(formats.begin(), formats.end(), format) != formats.end();
}

class Linker {
 public:
  Linker(std::vector<DraftTask>& drafts, bool upload, Problems& problems)
      : drafts_(drafts), upload_(upload), problems_(problems) {
    for (std::size_t i = 0; i < drafts.size(); ++i) {
      const TaskPlan& plan = drafts[i].plan;
      by_name_[plan.key].push_back(i);
      if (plan.name != plan.key) by_name_[plan.name].push_back(i);
    }
    for (const auto& [name, tasks] : by_name_) names_.push_back(name);
  }

  void link(std::size_t index) {
    DraftTask& draft = drafts_[index];
    Value& definition = draft.plan.definition;
    if (const Value* written = definition.find("dependencies")) {
      for (const Value& id : written->items) add_id(id);
    }
    mounts_ = make_list();
    if (upload_) add_upload(draft);
    for (const Value& need : draft.needs) {
      if (need.is_text()) add_need(draft, need);
    }
    for (const Input& input : draft.inputs) add_input(draft, input);
    for (Value& mount : draft.cache_mounts) mounts_.items.push_back(std::move(mount));
    // Now that names are checked, the list holds what will be ids.
    definition.set("dependencies", std::move(dependencies_));
    dependencies_ = make_list();
    Value& payload = definition.map_at("payload");
    if (const Value* written = payload.find("mounts")) {
      mounts_.items.insert(mounts_.items.end(), written->items.begin(), written->items.end());
    }
    if (!mounts_.items.empty()) payload.set("mounts", std::move(mounts_));
  }

 private:
  void add_id(const Value& id) {
    if (is_slugid(id.text)) {
      add_text_once(dependencies_, id.text, id.at);
      return;
    }
    problems_.add(id.at, fmt::format("`{}` is no task id; names go into `needs`", id.text));
  }

  void add_need(DraftTask& draft, const Value& need) {
    if (const auto* tasks = find(need.text, need.at)) {
      for (const std::size_t task : *tasks) depend_on(draft, task, need.at);
    } else if (is_slugid(need.text)) {
      add_text_once(dependencies_, need.text, need.at);
    }
  }

  void depend_on(DraftTask& draft, std::size_t task, Position at) {
    auto& needs = draft.plan.needs;
    if (std::find(needs.begin(), needs.end(), task) != needs.end()) return;
    needs.push_back(task);
    dependencies_.items.push_back(make_task_id(task, at));
  }

  void add_upload(DraftTask& draft) {
    depend_on(draft, 0, {});
    Value mount = make_map();
    mount.set("directory", make_text("src"));
    mount.set("format", make_text("tar.zst"));
    mount.set("content", content(make_task_id(0), std::string(upload_artifact)));
    mounts_.items.push_back(std::move(mount));
    add_artifact_scope(draft, std::string(upload_artifact));
  }

  void add_input(DraftTask& draft, const Input& input) {
    if (input.from.empty() || input.artifact.empty()) return;  // told already
    const auto* tasks = find(input.from, input.at);
    if (tasks == nullptr) {
      if (!is_slugid(input.from)) return;
      add_text_once(dependencies_, input.from, input.at);
      mount(draft, input, make_text(input.from), input.artifact, "");
      return;
    }
    for (const std::size_t task : *tasks) {
      depend_on(draft, task, input.at);
      const DraftTask& source = drafts_[task];
      // A whole matrix gives one artifact for each task: they must not meet in one place.
      const bool whole_matrix = source.of_matrix && input.from == source.plan.key;
      const std::string name = artifact_name(source, input);
      mount(draft, input, make_task_id(task), name, whole_matrix ? source.plan.name : "");
    }
  }

  // The full name of what `input` means among the artifacts of `source`.
  std::string artifact_name(const DraftTask& source, const Input& input) {
    std::string wanted = input.artifact;
    while (wanted.starts_with("./")) wanted.erase(0, 2);
    while (wanted.size() > 1 && wanted.ends_with('/')) wanted.pop_back();
    for (const ListedArtifact& listed : source.artifacts) {
      if (wanted != listed.path && wanted != listed.name) continue;
      if (listed.directory) {
        problems_.add(input.at, fmt::format("`{}` of `{}` is a directory, and a mount takes one "
                                            "artifact; pack it, or name one file in it",
                                            wanted, source.plan.name));
      }
      return listed.name;
    }
    if (!may_make(source, wanted)) {
      problems_.add(input.at, fmt::format("`{}` lists no artifact {}{}", source.plan.name,
                                          quoted_name(wanted), artifact_hint(source, wanted)));
    }
    return wanted;
  }

  static std::string artifact_hint(const DraftTask& source, const std::string& wanted) {
    std::vector<std::string> paths;
    for (const ListedArtifact& listed : source.artifacts) {
      if (listed.directory && wanted.starts_with(listed.path + "/")) {
        return fmt::format("; in its folder `{}` it is `{}`", listed.path,
                           listed.name + wanted.substr(listed.path.size()));
      }
      paths.push_back(listed.path);
    }
    return nearest_hint(wanted, paths);
  }

  // Whether an artifact that the task does not list may be there all the same: a file in a folder
  // that it lists, or one that has a full name, as the worker's logs have.
  static bool may_make(const DraftTask& source, std::string_view wanted) {
    if (!source.knows_artifacts || is_full_name(wanted)) return true;
    return std::any_of(source.artifacts.begin(), source.artifacts.end(),
                       [wanted](const ListedArtifact& listed) {
                         return listed.directory && wanted.starts_with(listed.name + "/");
                       });
  }

  void mount(DraftTask& draft,
             const Input& input,
             Value task_id,
             const std::string& name,
             const std::string& below) {
    std::string target = input.target;
    if (target.empty()) target = own_path(input, name);
    if (!below.empty()) target = below + "/" + target.substr(target.starts_with('/') ? 1 : 0);
    Value entry = make_map();
    entry.set(input.unpack ? "directory" : "file", make_text(placed_path(target, upload_)));
    entry.set("content", content(std::move(task_id), name));
    if (const std::string format = format_of(input, name); !format.empty()) {
      entry.set("format", make_text(format));
    }
    mounts_.items.push_back(std::move(entry));
    add_artifact_scope(draft, name);
  }

  // `build:app.tar.gz` keeps its path; a full name loses `public/`.
  std::string own_path(const Input& input, const std::string& name) {
    Value path = make_text(input.artifact, input.at);
    if (input.artifact == name && name.starts_with("public/")) {
      path.text = name.substr(std::string_view("public/").size());
    }
    return clean_path(path, problems_);
  }

  std::string format_of(const Input& input, const std::string& artifact) {
    std::string format = input.format;
    if (format.empty() && input.unpack) format = archive_format_of(artifact);
    if (input.unpack && !is_one_of(archive_formats, format)) {
      problems_.add(input.at, fmt::format("`{}` is not an archive that can be unpacked; give its "
                                          "`format` ({}), or use `file`",
                                          format.empty() ? artifact : format,
                                          fmt::join(archive_formats, ", ")));
    }
    if (!input.unpack && !format.empty() && !is_one_of(file_formats, format)) {
      problems_.add(input.at, fmt::format("`{}` is no compression of a file: {}", format,
                                          fmt::join(file_formats, ", ")));
    }
    return format;
  }

  static Value content(Value task_id, const std::string& artifact) {
    Value value = make_map();
    value.set("taskId", std::move(task_id));
    value.set("artifact", make_text(artifact));
    return value;
  }

  static void add_artifact_scope(DraftTask& draft, const std::string& name) {
    Value& definition = draft.plan.definition;
    if (definition.find("scopes") == nullptr) definition.set("scopes", make_list());
    add_text_once(*definition.find("scopes"), "queue:get-artifact:" + name);
  }

  // The tasks of that name; a problem unless it may be a task id.
  const std::vector<std::size_t>* find(const std::string& name, Position at) {
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) return &found->second;
    if (!is_slugid(name)) {
      problems_.add(at, fmt::format("unknown task `{}`{}", name, nearest_hint(name, names_)));
    }
    return nullptr;
  }

  std::vector<DraftTask>& drafts_;
  const bool upload_;
  Problems& problems_;
  std::map<std::string, std::vector<std::size_t>> by_name_;
  std::vector<std::string> names_;
  Value dependencies_ = make_list();  // of the task being linked
  Value mounts_ = make_list();        // of the task being linked
};

}  // namespace

void link_tasks(std::vector<DraftTask>& drafts, bool upload, Problems& problems) {
  Linker linker(drafts, upload, problems);
  for (std::size_t i = upload ? 1 : 0; i < drafts.size(); ++i) linker.link(i);
}

}  // namespace troupe::group_file
